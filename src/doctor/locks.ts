import type { Connection } from '../postgres/connection.js';
import { count } from '../schema/figures.js';
import type { Finding } from '../schema/results.js';

export interface LockFacts {
  database: string;
  /** Tables, which pg_dump locks all at once. */
  tables: number;
  locksPerTransaction: number;
  connections: number;
  preparedTransactions: number;
}

/** Whether the server's lock table has room for reading the schema of the database that we are connected to. */
export async function adviseOnLocks(client: Connection): Promise<Finding[]> {
  const { rows } = await client.query<LockFacts>(
    `select current_database() as database,
            (select count(*)::int from pg_class where relkind in ('r', 'p') and oid >= 16384) as tables,
            current_setting('max_locks_per_transaction')::int as "locksPerTransaction",
            current_setting('max_connections')::int as connections,
            current_setting('max_prepared_transactions')::int as "preparedTransactions"`,
  );
  return rows.map(judgeLocks);
}

/**
 * By the formula of the manual (max_locks_per_transaction): so many locks are certain to fit. The server may find room for some more, but
 * shares it with everybody.
 */
export function judgeLocks(facts: LockFacts): Finding {
  const name = 'max_locks_per_transaction';
  const slots = facts.connections + facts.preparedTransactions;
  const fits = facts.locksPerTransaction * slots;
  if (facts.tables < fits)
    return {
      name,
      level: 'ok',
      message: `${count(fits)} locks fit, more than database ${facts.database} has tables (${count(facts.tables)})`,
    };
  // Twice what is needed, for others take locks as well; a round number.
  const wanted = Math.ceil((2 * facts.tables) / slots / 64) * 64;
  return {
    name,
    level: 'warning',
    message: `Database ${facts.database} has ${count(facts.tables)} tables, and only ${count(fits)} locks are certain to fit: pg_dump, which reads the schema, locks all tables at once and may fail.`,
    fix: `alter system set max_locks_per_transaction = ${wanted};`,
    needsRestart: true,
  };
}
