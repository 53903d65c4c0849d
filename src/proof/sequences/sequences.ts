import { messageOf } from '../../errors.js';
import type { Conninfo } from '../../postgres/conninfo.js';
import { type Connection, withConnection } from '../../postgres/connection.js';
import type { SequenceReading, SequenceState } from '../fingerprint-schema.js';
import { fixSessionSettings, type ReadingLimits } from '../reading-session.js';

type Listed = Omit<SequenceState, 'lastValue' | 'isCalled'> & { lastCalled: string | null };

/**
 * Reads the state of every permanent sequence of a database, as it is now: sequences know no snapshot. On the source call it
 * *before* the fence's snapshot is taken, and again *after* its restore point (`judgeSequence` says why). Unlogged
 * sequences are left out: recovery sets them back by design.
 */
export async function readSequences(
  options: ReadingLimits & { connection: Conninfo; database: string; signal: AbortSignal },
): Promise<SequenceReading> {
  return await withConnection(
    options.connection,
    async (client) => {
      await fixSessionSettings(client, options);
      const lsn = await walPosition(client);
      const reading: SequenceReading = { lsn, states: [], unreadable: [] };
      for (const { lastCalled, ...listed } of await listSequences(client)) {
        if (lastCalled !== null) {
          reading.states.push({ ...listed, lastValue: lastCalled, isCalled: true });
          continue;
        }
        try {
          const value = await readValue(client, listed);
          if (value !== undefined) reading.states.push({ ...listed, ...value });
        } catch (error) {
          if (!('code' in (error as Error))) throw error;
          reading.unreadable.push({ schema: listed.schema, name: listed.name, message: messageOf(error) });
        }
      }
      return reading;
    },
    { overrides: { dbname: options.database }, signal: options.signal },
  );
}

async function walPosition(client: Connection): Promise<string> {
  const { rows } = await client.query<{ lsn: string }>(
    `select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end::text as lsn`,
  );
  return rows[0]?.lsn ?? '0/0';
}

/** pg_sequence_last_value is null where nextval was never called (or we may not look): then `readValue` must. */
async function listSequences(client: Connection): Promise<Listed[]> {
  const { rows } = await client.query<Listed>(
    `
    select
      n.nspname as schema,
      c.relname as name,
      pg_sequence_last_value(c.oid)::text as "lastCalled",
      s.seqincrement::text as increment,
      s.seqcache::text as cache,
      s.seqcycle as cycle,
      s.seqmin::text as min,
      s.seqmax::text as max,
      c.relfilenode::text as filenode
    from pg_catalog.pg_sequence s
    join pg_catalog.pg_class c on c.oid = s.seqrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relpersistence = 'p'
    order by n.nspname, c.relname
    `,
  );
  return rows;
}

async function readValue(
  client: Connection,
  sequence: { schema: string; name: string },
): Promise<{ lastValue: string; isCalled: boolean } | undefined> {
  const name = `${client.escapeIdentifier(sequence.schema)}.${client.escapeIdentifier(sequence.name)}`;
  const { rows } = await client.query<{ lastValue: string; isCalled: boolean }>(
    `select last_value::text as "lastValue", is_called as "isCalled" from ${name}`,
  );
  return rows[0];
}
