import pg from 'pg';

import type { Connection } from '../postgres/connection.js';
import type { Finding } from '../schema/results.js';

/** Roles of the server's own that our role may well be in: what it needs, and what those consist of. */
const harmlessRoles = [
  'pg_read_all_data',
  'pg_monitor',
  'pg_read_all_settings',
  'pg_read_all_stats',
  'pg_stat_scan_tables',
  'pg_use_reserved_connections',
  'pg_checkpoint',
];

/** Tables named in one finding; the rest are counted. */
const mostNamed = 5;

interface Reachable {
  superusers: string[];
  creators: string[];
  predefined: string[];
  /** Objects that it owns, as `database: number`. */
  owned: string[];
  /** Whether it is named in the privileges of any relation, column or schema of this database. */
  hasAcl: boolean;
  /** Other databases of which that is so: their tables can only be looked at from inside. */
  elsewhere: string[];
}

/** The role itself, and all roles whose privileges it has or can take by SET ROLE. */
const reach = `
  recursive reach (oid) as (
    select oid from pg_roles where rolname = current_user
    union
    select m.roleid from pg_auth_members m join reach on m.member = reach.oid
  )`;

/**
 * What our role can do beyond reading, by its attributes, its memberships, what it owns and what was granted to it. What PUBLIC may do is
 * everybody's, and not looked at. Which tables it may write is only looked up in the database that the connection is to.
 */
export async function findExcess(client: Connection, role: string): Promise<Finding[]> {
  const quoted = pg.escapeIdentifier(role);
  const { superusers, creators, predefined, owned, hasAcl, elsewhere } = await lookAround(client);
  const findings: Finding[] = [];
  const add = (name: string, message: string, fix: string): void =>
    void findings.push({ name, level: 'warning', message: `${role} ${message}`, fix });
  for (const other of superusers)
    add(
      'superuser',
      `is a member of ${other}, which is a superuser: pgdrill needs far less.`,
      `revoke ${pg.escapeIdentifier(other)} from ${quoted};`,
    );
  for (const creator of creators)
    add(
      'create',
      `${creator === role ? '' : `is a member of ${creator}, which `}may create roles or databases; pgdrill does not need that.`,
      creator === role
        ? `alter role ${quoted} nocreaterole nocreatedb;`
        : `revoke ${pg.escapeIdentifier(creator)} from ${quoted};`,
    );
  for (const other of predefined)
    add('membership', `is a member of ${other}; pgdrill does not need that.`, `revoke ${other} from ${quoted};`);
  for (const where of owned)
    add(
      'owner',
      `owns objects (${where}), and so may change and drop them; pgdrill only reads.`,
      `reassign owned by ${quoted} to another_role; -- in each database`,
    );
  if (hasAcl) findings.push(...(await findWritable(client, role)));
  for (const database of elsewhere)
    findings.push({
      name: 'privileges elsewhere',
      level: 'ok',
      message: `${role} was granted something on tables or schemas of database ${database}: look there whether it may write (\\dp)`,
    });
  return findings;
}

async function lookAround(client: Connection): Promise<Reachable> {
  const { rows } = await client.query<Reachable>(
    `
    with ${reach},
    depends as (
      select d.dbid, d.deptype, d.classid
      from pg_shdepend d
      join reach on reach.oid = d.refobjid
      where d.refclassid = 'pg_authid'::regclass
    ),
    owned as (
      select coalesce(db.datname, 'databases and tablespaces') || ': ' || count(*) as line
      from depends
      left join pg_database db on db.oid = depends.dbid
      where deptype = 'o'
      group by db.datname
    ),
    granted as (
      select distinct db.datname
      from depends
      join pg_database db on db.oid = depends.dbid
      where deptype = 'a' and classid in ('pg_class'::regclass, 'pg_namespace'::regclass)
    )
    select
      array(select rolname::text from pg_roles join reach using (oid) where rolsuper order by 1) as superusers,
      array(select rolname::text from pg_roles join reach using (oid) where rolcreaterole or rolcreatedb order by 1) as creators,
      array(
        select rolname::text from pg_roles join reach using (oid)
        where rolname like 'pg\\_%' and rolname <> all ($1) order by 1
      ) as predefined,
      array(select line from owned order by line) as owned,
      exists (select from granted where datname = current_database()) as "hasAcl",
      array(select datname::text from granted where datname <> current_database() order by 1) as elsewhere
    `,
    [harmlessRoles],
  );
  return rows[0] ?? { superusers: [], creators: [], predefined: [], owned: [], hasAcl: false, elsewhere: [] };
}

/** Tables, sequences and columns that were granted to us for more than reading, and schemas in which we may create. */
async function findWritable(client: Connection, role: string): Promise<Finding[]> {
  const { rows } = await client.query<{ what: string; kind: string; rights: string; grantee: string }>(
    `
    with ${reach},
    granted as (
      select case when c.relkind = 'S' then 'sequence' else 'table' end as kind, c.oid::regclass::text as what, acl.*
      from pg_class c, aclexplode(c.relacl) acl
      union all
      select 'table', a.attrelid::regclass::text, acl.*
      from pg_attribute a, aclexplode(a.attacl) acl
      union all
      select 'schema', n.oid::regnamespace::text, acl.*
      from pg_namespace n, aclexplode(n.nspacl) acl
    )
    select kind, what, grantee::regrole::text as grantee, string_agg(distinct lower(privilege_type), ', ') as rights
    from granted
    join reach on reach.oid = granted.grantee
    where privilege_type not in ('SELECT', 'REFERENCES') and not (kind = 'schema' and privilege_type = 'USAGE')
    group by kind, what, grantee
    order by what
    `,
  );
  if (rows.length === 0) return [];
  const named = rows.slice(0, mostNamed).map(({ what, rights }) => `${what} (${rights})`);
  const more = rows.length > mostNamed ? ` and ${rows.length - mostNamed} more` : '';
  return [
    {
      name: 'write privileges',
      level: 'warning',
      message: `${role} may do more than read: ${named.join(', ')}${more}; pgdrill only reads.`,
      fix: rows
        .slice(0, mostNamed)
        .map(({ kind, what, rights, grantee }) => `revoke ${rights} on ${kind} ${what} from ${grantee};`)
        .join(' '),
    },
  ];
}
