import { serverUser } from '../process/server-user.js';
import { type PostgresTools, toolPath } from '../toolchain/postgres.js';

/** One word for a shell; quoted only where it has to be, since people read it. */
export function word(text: string): string {
  return /^[A-Za-z0-9_./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A command as the user whose files those are. */
export function asServerUser(command: string): string {
  const user = serverUser();
  return user === undefined ? command : `runuser -u ${word(user.name)} -- ${command}`;
}

export function startCommand(tools: PostgresTools, dataDirectory: string): string {
  return `${word(toolPath(tools, 'pg_ctl'))} start -D ${word(dataDirectory)} -l ${word(`${dataDirectory}.log`)}`;
}

export function psql(
  tools: PostgresTools,
  to: { host: string; port: string; user: string },
  options: { database?: string; sql?: string } = {},
): string {
  const { database = 'postgres', sql } = options;
  const command = `${word(toolPath(tools, 'psql'))} -h ${word(to.host)} -p ${word(to.port)} -U ${word(to.user)} -d ${word(database)}`;
  return asServerUser(sql === undefined ? command : `${command} -c "${sql.replaceAll(/["$`\\]/g, '\\$&')}"`);
}
