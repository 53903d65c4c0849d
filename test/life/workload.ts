import type { ProtectedCluster } from '../support/protected-cluster.js';

/** What is compared with the truth lies in the schema `life`; the load beside it in `load`. */
export const setUpSql = `
  create schema life;
  create table life.orders (id int primary key, txt text);
  insert into life.orders select i, repeat('o', 150) from generate_series(1, 3000) i;
  create table life.short (id int primary key, txt text);
  insert into life.short select i, repeat('s', 200) from generate_series(1, 2000) i;
  create schema load;
  create table load.accounts (id int primary key, balance int not null default 0);
  insert into load.accounts select generate_series(1, 500);
  -- Each table's rows and content, and its rows once more as its indexes tell them.
  create function life_content() returns text language plpgsql as $$
  declare
    name text;
    one text;
    content text := '';
  begin
    for name in select oid::regclass from pg_class where relnamespace = 'life'::regnamespace and relkind = 'r' order by relname loop
      set local enable_seqscan = on;
      execute format('select count(*) || '':'' || coalesce(sum(hash_record_extended(t, 0)), 0) from %s t', name) into one;
      content := content || name || '=' || one;
      set local enable_seqscan = off;
      execute format('select '':'' || count(*) from %s t', name) into one;
      content := content || one || ' ';
    end loop;
    return content;
  end $$`;

/** Money is moved about; none is made or lost, at no moment. */
export const loadScript = `
\\set low random(1, 250)
\\set high random(251, 500)
\\set amount random(-1000, 1000)
begin;
update load.accounts set balance = balance + :amount where id = :low;
update load.accounts set balance = balance - :amount where id = :high;
commit;
\\sleep 15 ms
`;

type Random = () => number;

/** What an application, its migrations and VACUUM do: one thing, chosen by chance. */
export async function doSomething(shop: ProtectedCluster, random: Random, name: string): Promise<void> {
  const up = (least: number, most: number): number => least + Math.floor(random() * (most - least));
  const things: [weight: number, sql: string][] = [
    [4, `update life.orders set txt = '${name}' || txt where id % ${up(5, 60)} = 0`],
    [3, `delete from life.orders where id % ${up(20, 90)} = ${up(0, 20)}`],
    [
      4,
      `insert into life.orders select i, '${name}' from generate_series(${up(1, 4000)}, ${up(4000, 6000)}, ${up(2, 9)}) i on conflict do nothing`,
    ],
    // The end of the table goes, and perhaps comes back.
    [2, `delete from life.short where id > ${up(200, 1500)}; commit; vacuum life.short`],
    [2, `vacuum (freeze) life.orders`],
    [
      3,
      `insert into life.short select i, repeat('n', ${up(50, 300)}) from generate_series(1, ${up(500, 3000)}) i on conflict do nothing`,
    ],
    [1, `truncate life.short; insert into life.short select i, '${name}' from generate_series(1, ${up(1, 900)}) i`],
    [
      2,
      `create table life."of ${name}" as select i as "the id", '${name}'::text as txt from generate_series(1, ${up(1, 2000)}) i`,
    ],
    [1, `alter table life.orders add column "${name}" int default ${up(1, 100)}`],
    [1, `create index on life.orders (${random() < 0.5 ? 'txt' : 'id desc'})`],
    [1, `vacuum full life.orders`],
    [1, dropOneSql],
    [1, `checkpoint`],
  ];
  let place = random() * things.reduce((sum, [weight]) => sum + weight, 0);
  const [, sql = ''] = things.find(([weight]) => (place -= weight) < 0) ?? [];
  for (const statement of sql.startsWith('do ') ? [sql] : sql.split('; ').filter((each) => each !== 'commit'))
    await shop.sql(statement);
}

/** The tables that are made on the way would become ever more. */
const dropOneSql = `do $$
  declare name text;
  begin
    select oid::regclass into name from pg_class where relnamespace = 'life'::regnamespace and relkind = 'r' and relname like 'of %' order by oid limit 1;
    if name is not null then execute 'drop table ' || name; end if;
  end $$`;
