import type { Conninfo } from '../../postgres/conninfo.js';
import { type Connection, withConnection } from '../../postgres/connection.js';
import { beginReading, fixSessionSettings } from '../reading-session.js';

export interface CatalogLinesOptions {
  connection: Conninfo;
  snapshot?: string | undefined;
  signal: AbortSignal;
}

/**
 * What pg_dump does not show of a database, one line each, in a fixed order, as SQL comments. Each was tried: changed in a catalog,
 * it leaves `pg_dump --schema-only` as it was (test/proof/schema/schema-dump.test.ts).
 */
export async function catalogLines(options: CatalogLinesOptions): Promise<string[]> {
  return await readLines(options, [
    extensionLines,
    builtInLines,
    collationLines,
    settingLines,
    relationLines,
    largeObjectLines,
    subscriptionLines,
  ]);
}

/** What pg_dumpall does not show of a cluster's globals. Catalogs that all databases share, so any connection will do. */
export async function sharedCatalogLines(options: CatalogLinesOptions): Promise<string[]> {
  return await readLines(options, [databaseLines]);
}

async function readLines(options: CatalogLinesOptions, queries: readonly string[]): Promise<string[]> {
  const read = async (client: Connection): Promise<string[]> => {
    await fixSessionSettings(client);
    await beginReading(client, options.snapshot);
    const lines: string[] = [];
    for (const query of queries) {
      const { rows } = await client.query<{ line: string }>(
        `select line from (${query}) as lines (line) order by line collate "C"`,
      );
      lines.push(...rows.map(({ line }) => line));
    }
    await client.query('commit');
    return lines;
  };
  return await withConnection(options.connection, read, { signal: options.signal });
}

/** pg_dump says `CREATE EXTENSION` and no more: not which version, nor whose, nor what became of its members. */
const extensionLines = `
  select format('-- extension %I version %s schema %s owner %s', extname, extversion, extnamespace::regnamespace, extowner::regrole)
  from pg_extension
  union all
  select format('-- extension %I has %s members, digest %s', e.extname, count(*), sum(hashtextextended(
    concat_ws(' ', o.type, o.identity, p.prosrc, p.probin, p.provolatile, p.prosecdef, p.proowner::regrole, p.proconfig), 0)))
  from pg_extension e
  join pg_depend d on d.refclassid = 'pg_extension'::regclass and d.refobjid = e.oid and d.deptype = 'e'
  cross join pg_identify_object(d.classid, d.objid, d.objsubid) o
  left join pg_proc p on d.classid = 'pg_proc'::regclass and p.oid = d.objid
  group by e.extname
`;

/** What initdb made: pg_dump takes it for granted. Objects below 16384 are the server's own (PostgreSQL source, transam.h). */
const builtInLines = [
  'pg_am',
  'pg_amop',
  'pg_amproc',
  'pg_cast',
  'pg_language',
  'pg_opclass',
  'pg_operator',
  'pg_opfamily',
  'pg_proc',
  'pg_rewrite',
  'pg_type',
]
  .map(
    (catalog) => `
  select format('-- built-in rows of ${catalog}: %s, digest %s', count(*), sum(hashtextextended(c::text, 0)))
  from ${catalog} c
  where oid < 16384`,
  )
  .join(' union all ');

/** A restored index is only as good as the collation it was built with. */
const collationLines = `
  select format('-- collation %s version %s', oid::regcollation, collversion)
  from pg_collation
  where collversion is not null
  union all
  select format('-- database collation version %s', datcollversion)
  from pg_database
  where datname = current_database()
`;

const settingLines = `
  select format('-- setting of role %s in database %s: %s', coalesce(r.rolname, 'any'), coalesce(d.datname, 'any'), setting)
  from pg_db_role_setting s
  cross join unnest(s.setconfig) setting
  left join pg_roles r on r.oid = s.setrole
  left join pg_database d on d.oid = s.setdatabase
  where s.setdatabase = 0 or d.datname = current_database()
`;

/** Indexes that are not valid, triggers of constraints that were switched off, views that hold nothing, partitions on their way out. */
const relationLines = `
  select format('-- index %I.%I is not to be used (valid %s, ready %s, live %s): %s', c.relnamespace::regnamespace, c.relname,
    i.indisvalid, i.indisready, i.indislive, pg_get_indexdef(c.oid))
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  where c.relkind = 'i' and c.relpersistence <> 't' and not (i.indisvalid and i.indisready and i.indislive)
  union all
  select format('-- trigger of constraint %I on %s fires %s', coalesce(k.conname, t.tgname), t.tgrelid::regclass, t.tgenabled)
    || format(' (%s)', t.tgfoid::regproc)
  from pg_trigger t
  left join pg_constraint k on k.oid = t.tgconstraint
  where t.tgisinternal and t.tgenabled <> 'O'
  union all
  select format('-- materialized view %s is not populated', oid::regclass)
  from pg_class
  where relkind = 'm' and not relispopulated
  union all
  select format('-- partition %s of %s is being detached', inhrelid::regclass, inhparent::regclass)
  from pg_inherits
  where inhdetachpending
`;

/** With --schema-only, large objects are data. Named where they are few; there may be millions. */
const largeObjectLines = `
  select format('-- large objects of %s with privileges %s: %s', lomowner::regrole, coalesce(lomacl::text, 'of the owner only'),
    case
      when count(*) <= 20 then string_agg(oid::text, ', ' order by oid)
      else format('%s, digest %s', count(*), sum(hashint8extended(oid::bigint, 0)))
    end)
  from pg_largeobject_metadata
  group by lomowner, lomacl::text
  union all
  select format('-- comment on large object %s: %s', objoid, description)
  from pg_description
  where classoid = 'pg_largeobject'::regclass
  union all
  select format('-- security label of %s on large object %s: %s', provider, objoid, label)
  from pg_seclabel
  where classoid = 'pg_largeobject'::regclass
`;

/** All but the connection, which only superusers may see and which may hold a password. */
const subscriptionLines = `
  select format('-- subscription %I owner %s enabled %s slot %s commit %s publications %s binary %s origin %s skips %s', subname,
    subowner::regrole, subenabled, subslotname, subsynccommit, subpublications, subbinary, suborigin, subskiplsn)
  from pg_subscription
  where subdbid = (select oid from pg_database where datname = current_database())
  union all
  select format('-- subscription %I copies %s, state %s', s.subname, r.srrelid::regclass, r.srsubstate)
  from pg_subscription_rel r
  join pg_subscription s on s.oid = r.srsubid
`;

/** Those, too, that take no connections: nothing else is read of them. */
const databaseLines = `
  select format('-- database %I owner %s encoding %s locale %s template %s connections %s limit %s tablespace %I', d.datname,
    d.datdba::regrole, pg_encoding_to_char(d.encoding), d.datlocprovider, d.datistemplate, d.datallowconn, d.datconnlimit, s.spcname)
  from pg_database d
  join pg_tablespace s on s.oid = d.dattablespace
  union all
  select format('-- replication origin %s', roname)
  from pg_replication_origin
`;
