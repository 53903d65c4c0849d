import { AccessError, codeOf, messageOf, UnreachableError } from '../errors.js';
import type { Conninfo } from '../postgres/conninfo.js';
import { type Connection, describeConninfo, withConnection } from '../postgres/connection.js';
import { migrate } from './migrate.js';
import { parsePostgresUrl } from './url.js';

const overrides: Conninfo = { application_name: 'pgdrill-catalog' };

// The catalog is derived data: no step may hang on it. The longest statement is a migration.
const statementTimeoutMs = 60_000;

/**
 * Runs `work` with the catalog open and its schema up to date, and closes it whatever happens; aborting the signal closes it, too, and
 * with it a running statement.
 *
 * @param url a PostgreSQL URL. A password in it is used but never shown.
 * @throws UnreachableError when nothing answers, AccessError when we are refused or may not create the schema,
 *   ConfigurationError when the URL is wrong or a newer pgdrill owns the schema.
 */
export async function withCatalog<T>(
  url: string,
  work: (client: Connection) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const conninfo = parsePostgresUrl(url);
  const prepared = async (client: Connection): Promise<T> => {
    await prepare(client);
    return await work(client);
  };
  try {
    return await withConnection(conninfo, prepared, { overrides, ...(signal === undefined ? {} : { signal }) });
  } catch (error) {
    signal?.throwIfAborted();
    throw explain(error, conninfo);
  }
}

async function prepare(client: Connection): Promise<void> {
  await client.query(`set statement_timeout = ${statementTimeoutMs}`);
  await migrate(client);
}

/** Names the catalog as what failed, and says that recoveries do not need it. Other errors stay as they are. */
function explain(error: unknown, conninfo: Conninfo): unknown {
  if (error instanceof AccessError) {
    return new AccessError(
      {
        what: `The catalog cannot be used. ${error.explanation.what}`,
        means: 'Its server runs, but not with this user, password or database. Backups and recoveries do not need it.',
        todo: 'Check catalog.url in the configuration, the passfile (mode 0600), and that the database exists.',
      },
      { cause: error },
    );
  }
  if (error instanceof UnreachableError) {
    return new UnreachableError(
      {
        what: `The catalog cannot be used. ${error.explanation.what}`,
        means: 'The history is not written for now. Backups and recoveries do not need it.',
        todo: 'Check that the catalog server runs, and catalog.url in the configuration.',
      },
      { cause: error },
    );
  }
  // SQLSTATE 42501: insufficient_privilege.
  if (codeOf(error) === '42501') {
    return new AccessError(
      {
        what: `The catalog at ${describeConninfo(conninfo)} may not be set up by this user: ${messageOf(error)}.`,
        means: 'pgdrill keeps its tables in a schema of its own, named pgdrill, and must own it.',
        todo: `As the owner of the database: create schema pgdrill authorization ${conninfo['user'] ?? '<user>'};`,
      },
      { cause: error },
    );
  }
  return error;
}
