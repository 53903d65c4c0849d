import type { Command } from 'commander';
import { execa } from 'execa';

import { pausedSandbox } from '../client/sandbox.js';
import type { ExitCode } from '../errors.js';
import { formatConninfo } from '../postgres/conninfo.js';
import { ensurePostgres } from '../toolchain/postgres.js';
import { toolPath } from '../toolchain/postgres-tools.js';
import { globalOptions, loadFor, withTemporal } from './context.js';
import { print, printJson, say } from './terminal.js';

/** `pgdrill psql ID`: look around in a restored server while it is paused. */
export function addPsql(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('psql')
    .description(
      'look around, read-only, in the restored server of a drill or recovery that waits at gate promote or cutover',
    )
    .argument('<id>', 'the workflow id')
    .argument('[psql...]', 'what psql is given besides, after --')
    .option('--print', 'only print the connection string')
    .addHelpText(
      'after',
      '\nExample:\n  pgdrill psql drill-shop-2026-11-22-0200 -- -d shop -c "select max(id) from orders"',
    )
    .action(async (id: string, rest: string[], options: { print?: boolean }, command: Command) => {
      const conninfo = await withTemporal(await loadFor(command), (temporal) => pausedSandbox(temporal, id));
      const connection = formatConninfo(conninfo);
      if (globalOptions(command).json === true) {
        printJson({ id, connection });
        return;
      }
      if (options.print === true) {
        print(connection);
        return;
      }
      const tools = await ensurePostgres({ progress: say });
      const { host, port, user, dbname, options: settings } = conninfo;
      // By the environment, so that psql's own -d may choose another database.
      const env = { PGHOST: host, PGPORT: port, PGUSER: user, PGDATABASE: dbname, PGOPTIONS: settings };
      const { exitCode } = await execa(toolPath(tools, 'psql'), ['-X', ...rest], {
        stdio: 'inherit',
        reject: false,
        env,
      });
      exit(exitCode === 0 ? 0 : 1);
    });
}
