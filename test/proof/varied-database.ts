import { roleSql } from '../../src/setup/role-sql.js';

/** A database with one of everything that a fingerprint could stumble over. Small: it is read again and again. */
export const variedDatabase = `
  create schema "Odd ""schema""";
  create type mood as enum ('sad', 'ok', 'happy');
  create domain positive as int check (value > 0);
  create domain high_mood as mood;
  create domain int_list as int[];
  create type part as (sku text, qty int, doc json);
  create domain some_part as part;
  create type price_range as range (subtype = numeric);

  create table varied (
    id int primary key,
    n numeric, j json, jb jsonb, p point, big bigint, ts timestamptz, t time, d date, iv interval, f8 float8, f4 float4,
    bool bool, u uuid, b bytea, txt text, fixed char(10), nocase text, arr int[], arr2 text[][], e mood, es mood[],
    dom positive, dom_e high_mood, dom_a int_list, comp part, comps part[], dom_c some_part,
    r int4range, r2 price_range, mr int4multirange, ip inet, mac macaddr, bits varbit(8), tsv tsvector, m money,
    acl aclitem[], reg regclass, x xid, geo polygon, "r.x" text, "select" text, dropped int,
    doubled int generated always as (id * 2) stored,
    identity int generated always as identity
  );
  alter table varied drop column dropped;
  insert into varied (id, n, j, jb, p, big, ts, t, d, iv, f8, f4, bool, u, b, txt, fixed, nocase, arr, arr2, e, es, dom, dom_e,
    dom_a, comp, comps, dom_c, r, r2, mr, ip, mac, bits, tsv, m, acl, reg, x, geo, "r.x", "select")
  select i, i * 1.1, '{"a": 1}', jsonb_build_object('i', 1.0), point(i, 1), i, '2026-01-01'::timestamptz + i * interval '1 s',
    '10:00', date '2026-01-01' + i, '1 mon', i / 3.0, i / 3.0, i % 2 = 0, ('00000000-0000-0000-0000-' || lpad(i::text, 12, '0'))::uuid,
    decode(lpad(to_hex(i), 8, '0'), 'hex'), 'text ' || i, 'fixed', 'Case', array[i, i + 1], array[array['a', null], array['c', 'd']],
    'ok', array['sad', 'ok']::mood[], i, 'happy', array[1, 2], row('s' || i, i, '{"x":1}')::part, array[row('t', i, '[]')::part],
    row('d', 1, 'null')::part, int4range(i, i + 5), price_range(1.0, 2.0), '{[1,3),[5,7)}', '10.0.0.1/24', '08:00:2b:01:02:03',
    b'101', to_tsvector('simple', 'a b ' || i), 12.5, array[makeaclitem(10, 10, 'SELECT', false)], 'pg_class', '3',
    polygon '((0,0),(1,1),(2,0))', 'dotted', null
  from generate_series(1, 200) i;

  create table toasted (id int, long text, packed bytea);
  alter table toasted alter long set storage external;
  insert into toasted select i, repeat('x', 20000) || i, decode(repeat(md5(i::text), 1000), 'hex') from generate_series(1, 5) i;

  create table measured (at date, value int) partition by range (at);
  create table measured_old partition of measured for values from ('2020-01-01') to ('2025-01-01');
  create table measured_new partition of measured for values from ('2025-01-01') to ('2030-01-01');
  insert into measured select date '2024-12-01' + i, i from generate_series(0, 60) i;

  create table parent (id int, name text);
  create table child (extra int) inherits (parent);
  insert into parent values (1, 'parent');
  insert into child values (2, 'child', 3);

  create table no_columns ();
  insert into no_columns default values;
  insert into no_columns default values;
  create table no_rows (id int);
  create table pairs (id int primary key, a int, b int, n numeric, jb jsonb, big bigint, iv interval, f8 float8, txt text, j json, arr int[]);
  insert into pairs select i, i, i * 3, 1.0, '1.0', 1, '1 mon', 0, null, '{"a":1}', '{1,2}' from generate_series(1, 20) i;
  create table "Odd ""schema"""."a table; with 'quotes'" (r int, "count" int, "a ""b"" c" int);
  insert into "Odd ""schema"""."a table; with 'quotes'" values (1, 2, 3);
  create table "Odd ""schema""".r (r int);
  insert into "Odd ""schema""".r values (1);

  create materialized view totals as select count(*) as n from varied;
  create materialized view unfilled as select 1 as one with no data;
  create unlogged table scratchpad (id int);
  insert into scratchpad values (1);
  create foreign data wrapper nowhere;
  create server elsewhere foreign data wrapper nowhere;
  create foreign table far_away (id int) server elsewhere;
  create view looks_at as select * from varied;
  select lo_from_bytea(4711, decode(repeat('ab', 5000), 'hex'));
`;

/** A role as `pgdrill init` makes it. */
export const drillRole = roleSql('drill');
