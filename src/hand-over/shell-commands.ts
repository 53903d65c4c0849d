import { serverUser } from '../process/server-user.js';
import { shellWord } from '../schema/shell-word.js';
import { type PostgresTools, toolPath } from '../toolchain/postgres.js';

/** A command as the user whose files those are. */
export function asServerUser(command: string): string {
  const user = serverUser();
  return user === undefined ? command : `runuser -u ${shellWord(user.name)} -- ${command}`;
}

export function startCommand(tools: PostgresTools, dataDirectory: string): string {
  return `${shellWord(toolPath(tools, 'pg_ctl'))} start -D ${shellWord(dataDirectory)} -l ${shellWord(`${dataDirectory}.log`)}`;
}

export function psql(
  tools: PostgresTools,
  to: { host: string; port: string; user: string },
  options: { database?: string; sql?: string } = {},
): string {
  const { database = 'postgres', sql } = options;
  const command = `${shellWord(toolPath(tools, 'psql'))} -h ${shellWord(to.host)} -p ${shellWord(to.port)} -U ${shellWord(to.user)} -d ${shellWord(database)}`;
  return asServerUser(sql === undefined ? command : `${command} -c "${sql.replaceAll(/["$`\\]/g, '\\$&')}"`);
}
