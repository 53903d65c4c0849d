import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Command } from 'commander';

import { type ExitCode, exitCodes } from '../errors.js';
import { loadFor } from './context.js';

const workerFile = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'workers', 'worker.js');

/** `pgdrill worker`: a worker in the foreground, for a Temporal server of one's own. */
export function addWorker(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('worker')
    .description(
      'run a worker in the foreground, for a Temporal server of your own (TEMPORAL_ADDRESS or a TOML profile)',
    )
    .addHelpText('after', '\nExample:\n  TEMPORAL_ADDRESS=temporal.internal:7233 pgdrill worker')
    .action(async (_options: unknown, command: Command) => {
      const { path } = await loadFor(command);
      const child = spawn(process.execPath, ['--enable-source-maps', workerFile], {
        stdio: 'inherit',
        env: { ...process.env, PGDRILL_CONFIG: path },
      });
      // A terminal signals both of us; a supervisor only this process.
      const onSignal = (signal: NodeJS.Signals): void => void child.kill(signal);
      process.on('SIGTERM', onSignal).on('SIGINT', () => undefined);
      const [code] = (await once(child, 'exit')) as [number | null];
      exit(Object.values(exitCodes).find((known) => known === code) ?? exitCodes.failed);
    });
}
