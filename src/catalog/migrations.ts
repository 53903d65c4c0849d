export interface Migration {
  /** Counts up from 1 without gaps. */
  version: number;
  name: string;
  sql: string;
}

/**
 * The catalog's schema, step by step. A step that was released is never edited: a later one mends it. They are text in a module,
 * not .sql files, so that the build carries them along.
 */
export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: 'history of backups and recoveries',
    sql: `
create table pgdrill.backup_policies (
  id bigint generated always as identity primary key,
  cluster text not null,
  policy_name text not null,
  backup_type text not null check (backup_type in ('full', 'incremental', 'differential')),
  retention_days integer not null default 30 check (retention_days > 0),
  schedule_cron text,
  enabled boolean not null default true,
  created_at timestamptz not null default now(),
  unique (cluster, policy_name)
);

create table pgdrill.backup_history (
  id bigint generated always as identity primary key,
  cluster text not null,
  backup_id text,
  backup_type text not null check (backup_type in ('full', 'incremental', 'differential')),
  parent_id text,
  timeline integer,
  start_lsn pg_lsn,
  end_lsn pg_lsn,
  backup_path text,
  backup_size_bytes bigint,
  started_at timestamptz not null,
  finished_at timestamptz not null,
  duration_seconds numeric not null,
  status text not null check (status in ('completed', 'failed')),
  reason text,
  workflow_id text not null,
  operation text not null unique,
  created_at timestamptz not null default now(),
  check (
    status = 'failed'
    or (backup_id is not null and timeline is not null and start_lsn is not null and end_lsn is not null
      and backup_path is not null and backup_size_bytes is not null)
  )
);
comment on column pgdrill.backup_history.backup_id is 'Name of the backup in the repository; null where it failed.';
comment on column pgdrill.backup_history.reason is 'Why it failed, or why another type was taken than the one asked for.';
comment on column pgdrill.backup_history.operation is 'The step of the workflow: a retried step finds its row by it.';
create index on pgdrill.backup_history (cluster, finished_at);

create table pgdrill.recovery_history (
  id bigint generated always as identity primary key,
  cluster text not null,
  kind text not null check (kind in ('drill', 'recovery')),
  recovery_type text not null,
  target text not null,
  target_time timestamptz,
  target_lsn pg_lsn,
  start_time timestamptz not null,
  end_time timestamptz not null,
  duration_seconds numeric not null,
  status text not null check (status in ('completed', 'failed', 'rejected')),
  verdict text not null check (verdict in ('passed', 'failed', 'unproven')),
  rto_seconds numeric,
  rto_to_proven_seconds numeric,
  rpo_seconds numeric,
  rpo_bytes bigint,
  rpo_transactions bigint,
  evidence_path text,
  workflow_id text not null,
  run_id text not null,
  created_at timestamptz not null default now(),
  unique (workflow_id, run_id)
);
comment on column pgdrill.recovery_history.recovery_type is 'Kind of target: fence, latest, immediate, time, lsn, name or xid.';
comment on column pgdrill.recovery_history.status is
  'completed: the server took writes. failed: it never did. rejected: a human said no, or nobody answered in time.';
comment on column pgdrill.recovery_history.rto_seconds is
  'From the order to restore until the server took writes, without waiting for humans.';
create index on pgdrill.recovery_history (cluster, start_time);

create table pgdrill.monitoring_events (
  id bigint generated always as identity primary key,
  cluster text not null,
  at timestamptz not null,
  severity text not null check (severity in ('info', 'warning', 'critical')),
  kind text not null,
  message text not null,
  figures jsonb not null default '{}',
  operation text not null unique,
  created_at timestamptz not null default now()
);
create index on pgdrill.monitoring_events (cluster, at);

create view pgdrill.v_rto_rpo_monitoring as
select
  cluster,
  recovery_type,
  count(*) as recovery_count,
  count(*) filter (where verdict = 'passed') as passed_count,
  avg(rto_seconds) as avg_rto_seconds,
  min(rto_seconds) as min_rto_seconds,
  max(rto_seconds) as max_rto_seconds,
  percentile_cont(0.95) within group (order by rto_seconds) as p95_rto_seconds,
  avg(rpo_seconds) as avg_rpo_seconds,
  min(rpo_seconds) as min_rpo_seconds,
  max(rpo_seconds) as max_rpo_seconds,
  percentile_cont(0.95) within group (order by rpo_seconds) as p95_rpo_seconds,
  max(end_time) as last_end_time
from pgdrill.recovery_history
where status = 'completed'
group by cluster, recovery_type;
comment on view pgdrill.v_rto_rpo_monitoring is 'RTO and RPO of the restores that finished, per cluster and kind of target.';
`,
  },
  {
    version: 2,
    name: 'backups that retention deleted',
    sql: `
alter table pgdrill.backup_history add column deleted_at timestamptz;
comment on column pgdrill.backup_history.deleted_at is 'When retention deleted it; null as long as it is in the repository.';
`,
  },
  {
    version: 3,
    name: 'policies as they were applied',
    sql: `
alter table pgdrill.backup_policies
  add column time_zone text not null default 'UTC',
  add column keep text,
  add column schedule_id text,
  add column applied_at timestamptz not null default now();
comment on table pgdrill.backup_policies is
  'What pgdrill policies apply brought to Temporal last. The configuration decides, not this table.';
comment on column pgdrill.backup_policies.retention_days is 'keep in whole days, rounded up.';
`,
  },
];
