import { homedir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';

import { AccessError, codeOf, messageOf, PgdrillError, UnreachableError } from '../errors.js';
import { diskFull, ioError } from '../files/durable.js';
import { type Conninfo, parseConninfo, resolveService } from './conninfo.js';
import { addressKeys, type SessionState, splitHosts, wantedSession, whyRefused, withoutAddress } from './hosts.js';
import { readPassfile } from './passfile.js';
import { distrusts, tlsAttempts } from './tls.js';

export type Connection = pg.Client;

/** SQLSTATE disk_full and io_error: also of a server that cannot even begin a session. */
const [diskFullState, ioErrorState] = ['53100', '58030'];

// int8 and numeric come as strings from `pg`. Callers cast in SQL or convert where they know the range.

/**
 * Connects to PostgreSQL as libpq's tools would with the same connection string: of several hosts to the first that answers and is what
 * `target_session_attrs` asks for.
 *
 * @param connection a libpq connection string, or its pairs.
 * @throws UnreachableError when nothing answers, or no host is the one that is looked for (with the reason for each); AccessError when we are refused.
 */
export async function connect(connection: string | Conninfo, overrides: Conninfo = {}): Promise<Connection> {
  const { client } = await connectToWanted(conninfoOf(connection, overrides));
  return client;
}

/**
 * The same connection, fixed to the host that answers now: what belongs together (a snapshot and who reads in it, a question and the
 * backup taken because of the answer) must not spread over two servers when one takes over from the other meanwhile. A connection with one host
 * comes back as it is, unasked.
 *
 * @throws what `connect` throws.
 */
export async function fixHost(connection: Conninfo, signal?: AbortSignal): Promise<Conninfo> {
  const conninfo = conninfoOf(connection);
  if (splitHosts(conninfo).length < 2) return connection;
  signal?.throwIfAborted();
  const { client, at } = await connectToWanted(conninfo);
  await client.end().catch(() => undefined);
  // Of what a service file adds, only the address: the rest, which may be a password, stays there.
  const address = Object.entries(at).filter(([key]) => addressKeys.has(key));
  return { ...withoutAddress(connection), ...Object.fromEntries(address) };
}

async function connectToWanted(conninfo: Conninfo): Promise<{ client: Connection; at: Conninfo }> {
  const hosts = splitHosts(conninfo);
  if (conninfo['load_balance_hosts'] === 'random') hosts.sort(() => Math.random() - 0.5);
  const wanted = wantedSession(conninfo);
  const refused: { host: Conninfo; reason: string; answered: boolean; error?: UnreachableError }[] = [];
  for (const attribute of wanted === 'prefer-standby' ? (['standby', 'any'] as const) : [wanted]) {
    refused.length = 0;
    for (const host of hosts) {
      try {
        const client = await connectToOne(host);
        const reason = attribute === 'any' ? undefined : whyRefused(await readSession(client), attribute);
        if (reason === undefined) return { client, at: host };
        await client.end().catch(() => undefined);
        refused.push({ host, reason, answered: true });
      } catch (error) {
        // As in libpq, whoever refuses our password ends the search.
        if (!(error instanceof UnreachableError)) throw error;
        refused.push({
          host,
          reason: `cannot be reached (${reasonOf(error.cause)})`,
          answered: error.answered,
          error,
        });
      }
    }
  }
  const [only] = refused;
  if (refused.length === 1 && only?.error !== undefined) throw only.error;
  const each = refused.map(({ host, reason }) => `${describeAddress(host)} ${reason}`).join('; ');
  throw new UnreachableError(
    {
      what: `No host of ${describeConninfo(conninfo)} is the one that is looked for (target_session_attrs=${wanted}): ${each}.`,
      means: 'The primary is down and no standby was promoted yet, or the connection does not name the host that was.',
      todo: 'Nothing, while a failover is under way: it is tried again. Else start the primary or promote a standby, and see that the connection names every host that can become the primary.',
    },
    { address: describeConninfo(conninfo), answered: refused.some(({ answered }) => answered) },
  );
}

/** `SHOW`, in capitals, because a replication connection takes nothing else. */
async function readSession(client: Connection): Promise<SessionState> {
  const isOn = async (name: string): Promise<boolean> => {
    const { rows } = await client.query<Record<string, string>>(`SHOW ${name}`);
    return rows[0]?.[name] === 'on';
  };
  try {
    return { inRecovery: await isOn('in_hot_standby'), readOnly: await isOn('default_transaction_read_only') };
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}

async function connectToOne(conninfo: Conninfo): Promise<Connection> {
  const options = {
    ...clientOptions(conninfo),
    ...passwordFrom(conninfo),
    connectionTimeoutMillis: Number(conninfo['connect_timeout'] ?? 15) * 1_000,
    keepAlive: true,
  };
  const [first, second] = tlsAttempts(conninfo);
  try {
    return await open({ ...options, ssl: first }).catch(async (error: unknown) => {
      if (second === undefined || isUnreachable(error)) throw error;
      return await open({ ...options, ssl: second });
    });
  } catch (error) {
    throw explain(error, conninfo);
  }
}

async function open(options: pg.ClientConfig): Promise<Connection> {
  const client = new pg.Client(options);
  // Without a listener, a connection that breaks while idle would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  return client;
}

/** Nobody is there: neither with TLS nor without it. */
function isUnreachable(error: unknown): boolean {
  return /^E[A-Z]+$/.test(codeOf(error) ?? '') || messageOf(error).includes('timeout');
}

/** Runs `work` with a connection that is closed whatever happens. Cancelling closes it, which ends a running statement. */
export async function withConnection<T>(
  connection: string | Conninfo,
  work: (client: Connection) => Promise<T>,
  options: { overrides?: Conninfo; signal?: AbortSignal } = {},
): Promise<T> {
  options.signal?.throwIfAborted();
  const client = await connect(connection, options.overrides);
  const close = (): void => void client.end().catch(() => undefined);
  options.signal?.addEventListener('abort', close, { once: true });
  try {
    options.signal?.throwIfAborted(); // an abort while connecting found nothing to close
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

/**
 * Only asked for where the server wants a password. Where to look for it is libpq's rule (manual, "The Password File"): `passfile=`, else
 * PGPASSFILE, else ~/.pgpass. The `pg` library would look, too, but not into a file that is named by `passfile=`, and not for long any more.
 */
function passwordFrom(conninfo: Conninfo): Pick<pg.ClientConfig, 'password'> {
  const known = conninfo['password'] ?? process.env['PGPASSWORD'];
  // A password in the connection can only come from a service file: parseConninfo refuses one in the configuration.
  if (known !== undefined) return { password: known };
  const passfile = conninfo['passfile'] ?? process.env['PGPASSFILE'] ?? join(homedir(), '.pgpass');
  const look = async (server?: { host?: string; port?: number; database?: string; user?: string }): Promise<string> =>
    (await readPassfile(passfile, {
      host: server?.host ?? 'localhost',
      port: String(server?.port ?? 5432),
      dbname: server?.database ?? '',
      user: server?.user ?? '',
    })) ?? '';
  return { password: look };
}

function clientOptions(conninfo: Conninfo): pg.ClientConfig {
  const host = conninfo['host'] ?? conninfo['hostaddr'];
  return {
    ...(host === undefined ? {} : { host }),
    ...(conninfo['port'] === undefined ? {} : { port: Number(conninfo['port']) }),
    ...(conninfo['dbname'] === undefined ? {} : { database: conninfo['dbname'] }),
    ...(conninfo['user'] === undefined ? {} : { user: conninfo['user'] }),
    ...(conninfo['options'] === undefined ? {} : { options: conninfo['options'] }),
    application_name: conninfo['application_name'] ?? 'pgdrill',
    // Not among the types of `pg`, but it sends it: `true` makes a replication connection, as pg_basebackup does.
    ...(conninfo['replication'] === undefined ? {} : { replication: conninfo['replication'] }),
  };
}

function explain(error: unknown, conninfo: Conninfo): Error {
  if (error instanceof PgdrillError) return error;
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
  if (code === ioErrorState) return ioError(`The data of PostgreSQL at ${where}`, messageOf(error), error);
  if (distrusts(code))
    return new AccessError(
      {
        what: `PostgreSQL at ${where} shows a certificate that is not trusted: ${messageOf(error)}`,
        means:
          'It is not signed by an authority that is trusted here, is for another name, or has expired. Nothing was sent to it.',
        todo: 'Put the certificate of its authority into ~/.postgresql/root.crt of the user that runs this (as root: of postgres, too), or name it with sslrootcert; or correct the host in the configuration.',
      },
      { cause: error },
    );
  return new UnreachableError(
    {
      what: `PostgreSQL at ${where} cannot be reached: ${reasonOf(error)}`,
      means: 'The server is down, still starting, or the address is wrong.',
      todo: 'Check that it runs (pg_isready) and that host and port in the configuration are right.',
    },
    // A code of five characters is the server's own (SQLSTATE), such as 57P03: it is starting up.
    { cause: error, address: where, answered: /^[0-9A-Z]{5}$/.test(code) && !code.startsWith('E') },
  );
}

function reasonOf(error: unknown): string {
  return [messageOf(error), codeOf(error)].find((text) => text !== undefined && text !== '') ?? 'no answer';
}

/** A connection that broke in the middle of a statement: time may mend it. Other errors stay as they are. */
function explainBroken(error: unknown, conninfo: Conninfo): unknown {
  const code = codeOf(error) ?? '';
  if (code === diskFullState) return diskFull(`the data of PostgreSQL at ${describeConninfo(conninfo)}`, error);
  if (code === ioErrorState)
    return ioError(`The data of PostgreSQL at ${describeConninfo(conninfo)}`, messageOf(error), error);
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
    { cause: error, address: describeConninfo(conninfo), answered: true },
  );
}

function describeAddress(conninfo: Conninfo): string {
  return `${conninfo['host'] ?? conninfo['hostaddr'] ?? 'the default host'}:${conninfo['port'] ?? '5432'}`;
}

/** A connection for messages: no password can be in it, since only named keys are shown. */
export function describeConninfo(conninfo: Conninfo): string {
  return (
    ['service', 'host', 'port', 'dbname', 'user']
      .flatMap((key) => (conninfo[key] === undefined ? [] : [`${key}=${conninfo[key]}`]))
      .join(' ') || 'the default address'
  );
}
