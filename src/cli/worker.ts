import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Command } from 'commander';

import { type ExitCode, exitCodes } from '../errors.js';
import { loadFor } from './context.js';
import { globalOptions } from './global-options.js';
import { hasPrintedJson, printJson } from './terminal.js';

const workerFile = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'workers', 'worker.js');

export async function worker(_options: unknown, command: Command): Promise<ExitCode> {
  const { path } = await loadFor(command);
  const asJson = globalOptions(command).json === true;
  const child = spawn(process.execPath, ['--enable-source-maps', workerFile], {
    stdio: ['inherit', 'inherit', 'inherit', ...(asJson ? (['ipc'] as const) : [])],
    env: { ...process.env, PGDRILL_CONFIG: path },
  });
  child.once('message', printJson);
  // A terminal signals both of us; a supervisor only this process.
  const onSignal = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on('SIGTERM', onSignal).on('SIGINT', () => undefined);
  const [code] = (await once(child, 'exit')) as [number | null];
  if (child.connected) await once(child, 'disconnect'); // what it said last may still be on its way
  if (asJson && !hasPrintedJson())
    printJson({ error: { type: 'Error', message: 'The worker ended before it polled: its log says why.' } });
  return Object.values(exitCodes).find((known) => known === code) ?? exitCodes.failed;
}
