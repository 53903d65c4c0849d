import { messageOf, StorageError, SupersededError, ToolKilledError, UnreachableError } from '../errors.js';
import type { Check } from '../schema/results.js';

/** A check that could not be carried out is unproven and says why; it does not end the drill. */
export async function attempt<Result>(
  name: string,
  signal: AbortSignal,
  check: () => Promise<Result>,
): Promise<Result | Check> {
  const started = performance.now();
  try {
    return await check();
  } catch (error) {
    signal.throwIfAborted();
    // The sandbox is down, somebody killed the tool, or another attempt is at it: the step is tried again. A disk that fails is a person's to mend.
    if ([UnreachableError, ToolKilledError, SupersededError, StorageError].some((kind) => error instanceof kind))
      throw error;
    const seconds = (performance.now() - started) / 1_000;
    return {
      name,
      status: 'unproven',
      summary: `Could not be carried out: ${messageOf(error).replaceAll(/\s*\n\s*/g, ' ')}`,
      figures: {},
      problems: [],
      seconds,
    };
  }
}
