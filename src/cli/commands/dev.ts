import { type Command, InvalidArgumentError } from 'commander';

import type { Runner } from './runner.js';

/** `pgdrill dev`: the embedded stack in the foreground. */
export function addDev(program: Command, run: Runner): void {
  program
    .command('dev')
    .description('run Temporal with its Web UI, the catalog and a worker in the foreground; other commands talk to it')
    .option('--port <port>', 'Temporal’s port (default: 7233, or a free one)', parsePort)
    .option('--ui-port <port>', 'the Web UI’s port (default: 8233, or a free one)', parsePort)
    .addHelpText('after', '\nExample:\n  pgdrill dev --config ./pgdrill.yaml')
    .action(run(async () => (await import('../dev.js')).dev));
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new InvalidArgumentError('It must be a port number from 1 to 65535.');
}
