import { readFileSync } from 'node:fs';

import pg from 'pg';

import { AccessError, codeOf, messageOf, UnreachableError } from '../errors.js';
import { diskFull } from '../files/durable.js';
import { type Conninfo, parseConninfo, resolveService } from './conninfo.js';
import { readPassfile } from './passfile.js';

export type Connection = pg.Client;

/** SQLSTATE disk_full: also of a server that cannot even begin a session. */
const diskFullState = '53100';

// int8 and numeric come as strings from `pg`. Callers cast in SQL or convert where they know the range.

/**
 * Connects to PostgreSQL as libpq's tools would with the same connection string.
 *
 * @param connection a libpq connection string, or its pairs.
 * @throws UnreachableError when nothing answers, AccessError when we are refused.
 */
export async function connect(connection: string | Conninfo, overrides: Conninfo = {}): Promise<Connection> {
  const conninfo = conninfoOf(connection, overrides);
  const client = new pg.Client({
    ...clientOptions(conninfo),
    ...(await passwordFrom(conninfo)),
    connectionTimeoutMillis: Number(conninfo['connect_timeout'] ?? 15) * 1_000,
    keepAlive: true,
  });
  // Without a listener, a connection that breaks while idle would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => undefined);
    throw explain(error, conninfo);
  }
  return client;
}

/** Runs `work` with a connection that is closed whatever happens. Cancelling closes it, which ends a running statement. */
export async function withConnection<T>(
  connection: string | Conninfo,
  work: (client: Connection) => Promise<T>,
  options: { overrides?: Conninfo; signal?: AbortSignal } = {},
): Promise<T> {
  const client = await connect(connection, options.overrides);
  const close = (): void => void client.end().catch(() => undefined);
  options.signal?.addEventListener('abort', close, { once: true });
  try {
    return await work(client);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw explainBroken(error, conninfoOf(connection, options.overrides));
  } finally {
    options.signal?.removeEventListener('abort', close);
    await client.end().catch(() => undefined);
  }
}

function conninfoOf(connection: string | Conninfo, overrides: Conninfo = {}): Conninfo {
  return resolveService({ ...(typeof connection === 'string' ? parseConninfo(connection) : connection), ...overrides });
}

async function passwordFrom(conninfo: Conninfo): Promise<{ password?: string }> {
  const passfile = conninfo['passfile'];
  if (passfile === undefined || conninfo['password'] !== undefined) return {};
  const password = await readPassfile(passfile, conninfo);
  return password === undefined ? {} : { password };
}

function clientOptions(conninfo: Conninfo): pg.ClientConfig {
  const sslmode = conninfo['sslmode'] ?? process.env['PGSSLMODE'] ?? 'prefer';
  const host = conninfo['host'] ?? conninfo['hostaddr'];
  const ssl =
    host?.startsWith('/') === true || ['disable', 'allow', 'prefer'].includes(sslmode)
      ? undefined
      : {
          rejectUnauthorized: sslmode === 'verify-ca' || sslmode === 'verify-full',
          ...(conninfo['sslrootcert'] === undefined ? {} : { ca: readFileSync(conninfo['sslrootcert'], 'utf8') }),
          ...(conninfo['sslcert'] === undefined ? {} : { cert: readFileSync(conninfo['sslcert'], 'utf8') }),
          ...(conninfo['sslkey'] === undefined ? {} : { key: readFileSync(conninfo['sslkey'], 'utf8') }),
          ...(sslmode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
        };
  return {
    ...(host === undefined ? {} : { host }),
    ...(conninfo['port'] === undefined ? {} : { port: Number(conninfo['port']) }),
    ...(conninfo['dbname'] === undefined ? {} : { database: conninfo['dbname'] }),
    ...(conninfo['user'] === undefined ? {} : { user: conninfo['user'] }),
    // Only ever from a service file: parseConninfo refuses one in the configuration.
    ...(conninfo['password'] === undefined ? {} : { password: conninfo['password'] }),
    ...(conninfo['options'] === undefined ? {} : { options: conninfo['options'] }),
    application_name: conninfo['application_name'] ?? 'pgdrill',
    ...(ssl === undefined ? {} : { ssl }),
  };
}

function explain(error: unknown, conninfo: Conninfo): Error {
  const code = codeOf(error) ?? '';
  const where = describeConninfo(conninfo);
  // Class 28: invalid authorization; 3D000: no such database; 42501: no privilege to connect.
  // `pg` itself says "SASL: … client password must be a string" where the server wants a password and we have none.
  if (code.startsWith('28') || code === '3D000' || code === '42501' || messageOf(error).startsWith('SASL:')) {
    return new AccessError(
      {
        what: `PostgreSQL at ${where} refuses the connection: ${messageOf(error)}`,
        means: 'The server runs, but not with this user, password or database.',
        todo: 'Check user and dbname in the configuration, the passfile (mode 0600), and pg_hba.conf on the server.',
      },
      { cause: error },
    );
  }
  if (code === diskFullState) return diskFull(`the data of PostgreSQL at ${where}`, error);
  return new UnreachableError(
    {
      what: `PostgreSQL at ${where} cannot be reached: ${messageOf(error) || code || 'no answer'}`,
      means: 'The server is down, still starting, or the address is wrong.',
      todo: 'Check that it runs (pg_isready) and that host and port in the configuration are right.',
    },
    { cause: error },
  );
}

/** A connection that broke in the middle of a statement: time may mend it. Other errors stay as they are. */
function explainBroken(error: unknown, conninfo: Conninfo): unknown {
  const code = codeOf(error) ?? '';
  if (code === diskFullState) return diskFull(`the data of PostgreSQL at ${describeConninfo(conninfo)}`, error);
  const broken =
    code.startsWith('08') ||
    code.startsWith('57P') ||
    code === 'ECONNRESET' ||
    code === 'EPIPE' ||
    /Connection terminated|not queryable/.test(messageOf(error));
  if (!broken || error instanceof UnreachableError) return error;
  return new UnreachableError(
    {
      what: `The connection to PostgreSQL broke: ${messageOf(error)}`,
      means: 'The server stopped, restarted, or the network dropped the connection.',
      todo: 'Nothing, if it comes back: the step is tried again. Else look at the server’s log.',
    },
    { cause: error },
  );
}

/** A connection for messages: no password can be in it, since only named keys are shown. */
export function describeConninfo(conninfo: Conninfo): string {
  return (
    ['service', 'host', 'port', 'dbname', 'user']
      .flatMap((key) => (conninfo[key] === undefined ? [] : [`${key}=${conninfo[key]}`]))
      .join(' ') || 'the default address'
  );
}
