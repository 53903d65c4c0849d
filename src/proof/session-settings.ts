import type { Connection } from '../postgres/connection.js';

/** What could change how a value prints, which rows are seen or what a reading costs, whatever role, database or server say. */
export const fixedSettings = {
  // Rows that a policy hides must end in an error, never in a silently smaller table or answer.
  row_security: 'off',
  datestyle: 'ISO, YMD',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  extra_float_digits: '1',
  bytea_output: 'hex',
  lc_monetary: 'C',
  // One core a connection: the caller decides how many the source can spare.
  max_parallel_workers_per_gather: '0',
  jit: 'off',
  transaction_timeout: '0',
  idle_in_transaction_session_timeout: '0',
};

/** Sets a session's settings, all in one round trip, and an encoding in which everything can be sent. */
export async function applySettings(client: Connection, settings: Readonly<Record<string, string>>): Promise<void> {
  await client.query(
    'select pg_catalog.set_config(key, value, false) from pg_catalog.json_each_text($1::pg_catalog.json)',
    [JSON.stringify(settings)],
  );
  // Values are converted to the client's encoding. Without a conversion nothing can fail, and UTF8 takes all others.
  await client.query(
    `select pg_catalog.set_config('client_encoding', case pg_catalog.current_setting('server_encoding') when 'SQL_ASCII' then 'SQL_ASCII' else 'UTF8' end, false)`,
  );
  // Else a server goes on reading a big table long after its client is gone. Not every platform can look.
  await client.query(`set client_connection_check_interval = '1s'`).catch(() => undefined);
}
