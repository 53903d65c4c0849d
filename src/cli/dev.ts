import { type Command, InvalidArgumentError } from 'commander';

import { type Stack, type StackRequest, startStack } from '../embedded/stack.js';
import type { ExitCode } from '../errors.js';
import { globalOptions, loadFor } from './context.js';
import { colors, printJson, say } from './terminal.js';
import { stopSignals, untilStopped } from './until-stopped.js';

/** `pgdrill dev`: the embedded stack in the foreground. */
export function addDev(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('dev')
    .description('run Temporal with its Web UI, the catalog and a worker in the foreground; other commands talk to it')
    .option('--port <port>', 'Temporal’s port (default: 7233, or a free one)', parsePort)
    .option('--ui-port <port>', 'the Web UI’s port (default: 8233, or a free one)', parsePort)
    .addHelpText('after', '\nExample:\n  pgdrill dev --config ./pgdrill.yaml')
    .action(async (options: { port?: number; uiPort?: number }, command: Command) => {
      const loaded = await loadFor(command);
      const stack = await startUnlessStopped({
        ...options,
        stateDirectory: loaded.stateDirectory,
        configurationPath: loaded.path,
        progress: say,
      });
      if (stack === undefined) return;
      try {
        say(`${colors.green('ready')}  Web UI ${stack.temporal.uiUrl}   Temporal ${stack.temporal.address}`);
        if (stack.catalog !== undefined) say(`       catalog ${stack.catalog.url}`);
        say(`       worker log ${stack.workerLog}`);
        say('Stop with Ctrl-C. Running drills go on at the next start.');
        if (globalOptions(command).json === true) {
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
      exit(0);
    });
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

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new InvalidArgumentError('It must be a port number from 1 to 65535.');
}
