import { AccessError, codeOf, messageOf, UnreachableError } from '../errors.js';
import type { Conninfo } from '../postgres/conninfo.js';
import { withConnection } from '../postgres/connection.js';
import type { Finding } from '../schema/results.js';

/**
 * Whether the server lets our role in for replication, as pg_basebackup and pg_receivewal come: pg_hba.conf has lines of their own for that,
 * and only trying tells.
 *
 * @throws UnreachableError.
 */
export async function checkReplicationAccess(connection: Conninfo): Promise<Finding> {
  const name = 'replication connection';
  try {
    await withConnection(connection, (client) => client.query('IDENTIFY_SYSTEM'), {
      overrides: { replication: 'true' },
    });
    return { name, level: 'ok', message: 'the server takes replication connections, which backups are made by' };
  } catch (error) {
    // 53300: none of max_wal_senders is free. Who may come is not even asked then, and the settings' check looks at their number.
    if (error instanceof UnreachableError && codeOf(error.cause) === '53300') {
      return { name, level: 'warning', message: `not tried: ${messageOf(error.cause)}` };
    }
    if (!(error instanceof AccessError)) throw error;
    return {
      name,
      level: 'error',
      message: `${error.explanation.what.split('\n')[0] ?? ''} (as a replication connection, which backups are made by).`,
      fix: 'Give the role the attribute REPLICATION, and pg_hba.conf a line for the database "replication" (pgdrill init shows it; "all" does not cover it).',
    };
  }
}
