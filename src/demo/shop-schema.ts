/** A small shop with many kinds of columns: what a drill has to compare in real databases. */
export const shopSql = `
create type order_status as enum ('new', 'paid', 'shipped', 'returned');
create domain email as text check (value like '%@%');

create table customers (
  id bigint generated always as identity primary key,
  name text not null,
  email email not null,
  address jsonb not null,
  tags text[] not null default '{}',
  birthday date,
  location point,
  avatar bytea,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table orders (
  id bigint generated always as identity primary key,
  customer_id bigint not null references customers,
  status order_status not null default 'new',
  total numeric(12, 2) not null,
  delivery tstzrange,
  note text,
  receipt json,
  updated_at timestamptz not null default now()
);
create index orders_customer on orders (customer_id);
create index orders_updated on orders (updated_at);

create table order_events (
  order_id bigint not null,
  at timestamptz not null default now(),
  what text not null,
  took interval,
  weight real
) partition by hash (order_id);
create table order_events_0 partition of order_events for values with (modulus 2, remainder 0);
create table order_events_1 partition of order_events for values with (modulus 2, remainder 1);

create unlogged table carts (customer_id bigint primary key, items jsonb not null);
create sequence invoice_number cache 20;

create function order_total(customer bigint) returns numeric language sql stable
return (select coalesce(sum(total), 0) from orders where customer_id = customer);

insert into customers (name, email, address, tags, birthday, location, avatar)
select 'Customer ' || n,
       'c' || n || '@example.com',
       jsonb_build_object('street', 'Street ' || n % 997, 'zip', lpad((n % 99999)::text, 5, '0')),
       array['tag' || n % 7, 'tag' || n % 11],
       date '1950-01-01' + n % 20000,
       point(n % 180, n % 90),
       decode(md5(n::text), 'hex')
  from generate_series(1, 50000) as n;

insert into orders (customer_id, status, total, delivery, note, receipt)
select 1 + n % 50000,
       (enum_range(null::order_status))[1 + n % 4],
       (n % 100000) / 100.0,
       tstzrange(now() + n % 100 * interval '1 hour', now() + (n % 100 + 2) * interval '1 hour'),
       case when n % 5 = 0 then repeat('please ring twice ', 1 + n % 20) end,
       json_build_object('lines', n % 9)
  from generate_series(1, 200000) as n;

insert into order_events (order_id, what, took, weight)
select 1 + n % 200000, 'event ' || n % 13, n % 3600 * interval '1 second', n / 7.0
  from generate_series(1, 200000) as n;

create materialized view best_customers as
select customer_id, count(*) as orders, sum(total) as total
  from orders group by customer_id order by total desc limit 1000;

select lo_from_bytea(0, convert_to(repeat('terms and conditions ', 2000), 'UTF8'));
`;

/** One customer's visit, for pgbench. */
export const visitScript = String.raw`
\set customer random(1, 50000)
begin;
insert into orders (customer_id, total, note) values (:customer, random() * 100, 'ordered while the drill runs') returning id \gset
insert into order_events (order_id, what, took) values (:id, 'placed', interval '1 second');
update customers set updated_at = now() where id = :customer;
insert into carts values (:customer, '{}') on conflict (customer_id) do update set items = '{"visits": 2}';
select nextval('invoice_number');
commit;
`;
