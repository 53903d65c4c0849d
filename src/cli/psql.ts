import type { Command } from 'commander';
import { execa } from 'execa';

import { pausedSandbox } from '../client/sandbox.js';
import { type ExitCode, exitCodes } from '../errors.js';
import { formatConninfo } from '../postgres/conninfo.js';
import { ensurePostgres } from '../toolchain/postgres.js';
import { toolPath } from '../toolchain/postgres-tools.js';
import { loadFor, withTemporal } from './context.js';
import { globalOptions } from './global-options.js';
import { print, printJson, say } from './terminal.js';

export async function psql(
  id: string,
  rest: string[],
  options: { print?: boolean },
  command: Command,
): Promise<ExitCode> {
  const conninfo = await withTemporal(await loadFor(command), (temporal) => pausedSandbox(temporal, id));
  const connection = formatConninfo(conninfo);
  if (globalOptions(command).json === true) {
    printJson({ id, connection });
    return exitCodes.done;
  }
  if (options.print === true) {
    print(connection);
    return exitCodes.done;
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
  return exitCode === 0 ? exitCodes.done : exitCodes.failed;
}
