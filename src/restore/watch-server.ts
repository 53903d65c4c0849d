import { messageOf, StorageError, ToolKilledError } from '../errors.js';
import { ioErrorIn } from '../files/io-error.js';
import { instanceStatus } from '../postgres/instance.js';
import { endStoppedServer } from '../postgres/stopped-server.js';
import type { StepContext } from '../process/step-context.js';
import { watchStopped } from '../process/watch-stopped.js';
import type { Sandbox } from '../schema/results.js';

/**
 * Does a step's work on a sandbox's server, and looks whether that server stands still (SIGSTOP, a debugger): connections to it would be
 * waited for without an end, while the worker's heartbeats go on. It is then ended, as a crash would, and the next attempt starts it anew.
 *
 * @param work gets a context whose signal also tells that the server was ended.
 * @throws ToolKilledError (retryable) when the server stood still, else what `work` throws.
 */
export async function onWatchedServer<Context extends StepContext, Result>(
  { dataDirectory }: Pick<Sandbox, 'dataDirectory'>,
  context: Context,
  work: (context: Context) => Promise<Result>,
): Promise<Result> {
  const stoodStill = new AbortController();
  let ending: Promise<void> | undefined;
  let postmaster: number | undefined;
  const find = async (): Promise<number | undefined> => (postmaster = (await instanceStatus(dataDirectory))?.pid);
  const unwatch = watchStopped(find, () => {
    if (postmaster === undefined) return;
    ending = endStoppedServer(postmaster);
    ending.catch(() => undefined); // awaited below
    stoodStill.abort(
      new ToolKilledError({
        name: 'postgres',
        exitCode: undefined,
        signal: 'SIGQUIT',
        stderrTail: `the restored server in ${dataDirectory} had been stopped (SIGSTOP) and stood still, so it was ended`,
      }),
    );
  });
  try {
    return await work({ ...context, signal: AbortSignal.any([context.signal, stoodStill.signal]) });
  } catch (error) {
    context.signal.throwIfAborted();
    stoodStill.signal.throwIfAborted();
    throw withFile(error, dataDirectory);
  } finally {
    unwatch();
    await ending;
  }
}

/** A server names the file that its disk did not give back by its place in the data directory; for a person, that is where to look. */
function withFile(error: unknown, dataDirectory: string): unknown {
  return error instanceof StorageError ? (ioErrorIn(messageOf(error.cause), dataDirectory) ?? error) : error;
}
