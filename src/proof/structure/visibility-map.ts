import { codeOf, messageOf } from '../../errors.js';
import type { Conninfo } from '../../postgres/conninfo.js';
import { type Connection, withConnection } from '../../postgres/connection.js';
import type { Check } from '../../schema/results.js';

type Problem = Check['problems'][number];

/** So many are looked at in one statement; only where one is not sound, each by itself. */
const tablesAtOnce = 200;

export interface VisibilityMapOptions {
  /** As superuser of the promoted sandbox. */
  connection: Conninfo;
  databases: readonly string[];
  signal: AbortSignal;
}

/**
 * The check `visibility map`: no bit may call a page all-visible or all-frozen that is not (manual, pg_visibility), and none may
 * be set beyond the table's end: once the table grows again, such a bit makes index-only scans return deleted rows, and VACUUM
 * pass them by. Stock incremental backups can leave both, with pg_verifybackup content.
 *
 * Everything is done in one transaction a database, which is rolled back: no extension stays behind.
 */
export async function checkVisibilityMap(options: VisibilityMapOptions): Promise<Check> {
  const startedAt = performance.now();
  const problems: Problem[] = [];
  const missing: Problem[] = [];
  let tables = 0;
  for (const database of options.databases) {
    await withConnection(
      options.connection,
      async (client) => {
        await client.query('begin');
        const schemas = await addExtensions(client);
        if (typeof schemas === 'string') {
          missing.push({ object: database, detail: schemas });
          return;
        }
        const listed = await listTables(client);
        tables += listed.length;
        const withMaps = listed.filter(({ hasMap }) => hasMap);
        for (let at = 0; at < withMaps.length; at += tablesAtOnce) {
          const some = withMaps.slice(at, at + tablesAtOnce);
          const oids = some.map(({ oid }) => oid);
          if (await areSound(client, oids, schemas)) continue;
          for (const table of some) {
            const detail = await checkTable(client, table.oid, schemas);
            if (detail !== undefined) problems.push({ object: `${database}.${table.name}`, detail });
          }
        }
        await client.query('rollback');
      },
      { overrides: { dbname: database }, signal: options.signal },
    );
  }
  return {
    name: 'visibility map',
    status: problems.length > 0 ? 'failed' : missing.length > 0 ? 'unproven' : 'passed',
    summary:
      problems.length > 0
        ? `The visibility maps of ${problems.length} of ${tables} tables claim what is not so.`
        : missing.length > 0
          ? `The visibility maps of ${missing.length} databases could not be checked.`
          : `The visibility maps of ${tables} tables agree with their tables.`,
    figures: { tables, broken: problems.length },
    problems: [...problems, ...missing],
    seconds: (performance.now() - startedAt) / 1_000,
  };
}

interface ExtensionSchemas {
  /** Quoted, each. */
  visibility: string;
  pageinspect: string;
}

/** @returns where the two extensions are, or why they cannot be had. */
async function addExtensions(client: Connection): Promise<ExtensionSchemas | string> {
  try {
    await client.query(`
      create schema pgdrill_visibility;
      create extension if not exists pg_visibility schema pgdrill_visibility;
      create extension if not exists pageinspect schema pgdrill_visibility;
    `);
  } catch (error) {
    // 0A000, 58P01: not among the server's extensions; 42501: not superuser.
    if (!['0A000', '58P01', '42501'].includes(codeOf(error) ?? '')) throw error;
    return messageOf(error);
  }
  const { rows } = await client.query<ExtensionSchemas>(`
    select
      max(extnamespace::regnamespace::text) filter (where extname = 'pg_visibility') as visibility,
      max(extnamespace::regnamespace::text) filter (where extname = 'pageinspect') as pageinspect
    from pg_extension
  `);
  return rows[0] ?? 'pg_visibility and pageinspect were not found after they were created';
}

/** All heaps with storage: user tables, catalogs, materialized views, TOAST. Where there is no map, it claims nothing. */
async function listTables(client: Connection): Promise<{ oid: string; name: string; hasMap: boolean }[]> {
  const { rows } = await client.query<{ oid: string; name: string; hasMap: boolean }>(`
    select c.oid::text as oid, n.nspname || '.' || c.relname as name, pg_relation_size(c.oid, 'vm') > 0 as "hasMap"
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_am am on am.oid = c.relam and am.amname = 'heap'
    where c.relkind in ('r', 'm', 't') and c.relpersistence <> 't'
    order by n.nspname, c.relname
  `);
  return rows;
}

/** Answers an error as it answers a finding: then each table is looked at by itself. */
async function areSound(client: Connection, oids: readonly string[], schemas: ExtensionSchemas): Promise<boolean> {
  return await guarded(
    client,
    async () => {
      const { rows } = await client.query(
        `
        (select from unnest($1::oid[]) as t (oid), ${schemas.visibility}.pg_check_visible(t.oid) limit 1)
        union all
        (select from unnest($1::oid[]) as t (oid), ${schemas.visibility}.pg_check_frozen(t.oid) limit 1)
        `,
        [oids],
      );
      return rows.length === 0 && (await pagesWithBitsBeyondEnd(client, oids, schemas)).length === 0;
    },
    () => false,
  );
}

async function guarded<T>(client: Connection, work: () => Promise<T>, otherwise: (error: unknown) => T): Promise<T> {
  await client.query('savepoint one_look');
  try {
    const answer = await work();
    await client.query('release savepoint one_look');
    return answer;
  } catch (error) {
    const code = codeOf(error) ?? '';
    if (!/^[0-9A-Z]{5}$/.test(code) || code.startsWith('57P') || code.startsWith('08')) throw error;
    await client.query('rollback to savepoint one_look');
    return otherwise(error);
  }
}

/** A damaged page ends the statement with an error: that is a finding as well, and the next table is still looked at. */
async function checkTable(client: Connection, oid: string, schemas: ExtensionSchemas): Promise<string | undefined> {
  return await guarded<string | undefined>(
    client,
    async () => {
      const { rows } = await client.query<{ claim: string; tuples: string; first: string }>(
        `
        select 'all-visible' as claim, count(*)::text as tuples, min(t_ctid)::text as first
        from ${schemas.visibility}.pg_check_visible($1::oid)
        having count(*) > 0
        union all
        select 'all-frozen', count(*)::text, min(t_ctid)::text
        from ${schemas.visibility}.pg_check_frozen($1::oid)
        having count(*) > 0
        `,
        [oid],
      );
      const [page] = await pagesWithBitsBeyondEnd(client, [oid], schemas);
      const wrong = rows.map(
        ({ claim, tuples, first }) => `${tuples} tuples on pages marked ${claim} are not, the first at ${first}`,
      );
      if (page !== undefined) wrong.push(`page ${page} of the map has bits set beyond the table's end`);
      return wrong.length === 0 ? undefined : wrong.join('; ');
    },
    (error) => `cannot be read: ${messageOf(error)}`,
  );
}

/**
 * The map holds two bits a heap page, four heap pages a byte, after a page header of 24 bytes (visibilitymap.c). VACUUM clears
 * what a truncation leaves behind the end; so whatever is set there is stale.
 */
async function pagesWithBitsBeyondEnd(
  client: Connection,
  oids: readonly string[],
  schemas: ExtensionSchemas,
): Promise<number[]> {
  const { rows } = await client.query<{ page: number }>(
    `
    with size as (
      select
        oid,
        block,
        (block - 24) * 4 as heap_pages_a_map_page,
        pg_relation_size(oid, 'main') / block as heap_pages,
        pg_relation_size(oid, 'vm') / block as map_pages
      from unnest($1::oid[]) as t (oid), (select current_setting('block_size')::bigint) as setting (block)
    ),
    beyond as (
      select oid, page, block, greatest(heap_pages - page * heap_pages_a_map_page, 0) as first
      from size, generate_series(0, map_pages - 1) as page
      where heap_pages < (page + 1) * heap_pages_a_map_page
    )
    select page::int as page
    from
      beyond,
      ${schemas.pageinspect}.get_raw_page(oid::regclass::text, 'vm', page) as raw,
      lateral (select (24 + first / 4)::int) as place (byte)
    where get_byte(raw, byte) >> (first % 4 * 2)::int <> 0
      or substring(raw from byte + 2) <> decode(repeat('00', (block - byte - 1)::int), 'hex')
    order by page
    limit 1
    `,
    [oids],
  );
  return rows.map(({ page }) => page);
}
