import type { Command } from 'commander';

import { type Stack, type StackRequest, startStack } from '../embedded/stack.js';
import { type ExitCode, exitCodes } from '../errors.js';
import { loadFor } from './context.js';
import { globalOptions } from './global-options.js';
import { colors, printJson, say } from './terminal.js';
import { stopSignals, untilStopped } from './until-stopped.js';

export async function dev(options: { port?: number; uiPort?: number }, command: Command): Promise<ExitCode> {
  const loaded = await loadFor(command);
  const asJson = globalOptions(command).json === true;
  const stack = await startUnlessStopped({
    ...options,
    stateDirectory: loaded.stateDirectory,
    configurationPath: loaded.path,
    progress: say,
  });
  if (stack === undefined) {
    if (asJson) printJson({ stopped: true });
    return exitCodes.done;
  }
  try {
    say(`${colors.green('ready')}  Web UI ${stack.temporal.uiUrl}   Temporal ${stack.temporal.address}`);
    if (stack.catalog !== undefined) say(`       catalog ${stack.catalog.url}`);
    say(`       worker log ${stack.workerLog}`);
    say('Stop with Ctrl-C. Running drills go on at the next start.');
    if (asJson) {
      printJson({
        temporalAddress: stack.temporal.address,
        uiUrl: stack.temporal.uiUrl,
        catalogUrl: stack.catalog?.url,
        workerPid: stack.worker.pid,
      });
    }
    await untilStopped(stack);
  } finally {
    say('stopping');
    await stack.stop();
  }
  return exitCodes.done;
}

/** Ctrl-C while it starts ends what has been started so far. @returns undefined then. */
async function startUnlessStopped(request: StackRequest): Promise<Stack | undefined> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort(new Error('stopped by a signal'));
  for (const signal of stopSignals) process.once(signal, onSignal);
  try {
    return await startStack({ ...request, signal: stop.signal });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    say('stopped before it was ready');
    return undefined;
  } finally {
    for (const signal of stopSignals) process.removeListener(signal, onSignal);
  }
}
