-- Something to lose: a small shop.
create table customers (
  id bigint generated always as identity primary key,
  name text not null,
  created_at timestamptz not null default now()
);

create table orders (
  id bigint generated always as identity primary key,
  customer_id bigint not null references customers,
  amount numeric(10, 2) not null,
  placed_at timestamptz not null default now()
);

insert into customers (name)
select 'customer ' || n from generate_series(1, 10000) as n;

insert into orders (customer_id, amount)
select 1 + n % 10000, (n % 9973) / 100.0 from generate_series(1, 100000) as n;
