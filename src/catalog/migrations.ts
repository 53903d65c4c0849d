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
  {
    version: 4,
    name: 'objectives and the last proof',
    sql: `
alter table pgdrill.recovery_history
  add column restored_bytes bigint,
  add column replayed_bytes bigint,
  add column waited_for_humans_seconds numeric;
comment on column pgdrill.recovery_history.restored_bytes is 'Size of the restored data directory.';
comment on column pgdrill.recovery_history.replayed_bytes is 'WAL that was replayed.';
comment on column pgdrill.recovery_history.waited_for_humans_seconds is 'What gates waited; no part of the RTO.';

create table pgdrill.cluster_objectives (
  cluster text not null,
  objective text not null check (objective in ('rto', 'rpo', 'proven_within')),
  demanded text not null,
  limit_seconds numeric not null check (limit_seconds > 0),
  recorded_at timestamptz not null default now(),
  primary key (cluster, objective)
);
comment on table pgdrill.cluster_objectives is
  'What the configuration demanded when a worker last started or a drill was last recorded. The configuration decides, not this table.';
comment on column pgdrill.cluster_objectives.demanded is 'As it is written in the configuration, such as 15m.';

create view pgdrill.v_last_proven as
with drills as (
  select * from pgdrill.recovery_history where kind = 'drill'
)
select
  newest.cluster,
  proven.end_time as last_proven_at,
  proven.target_lsn as proven_lsn,
  extract(epoch from now() - proven.end_time) as seconds_since_proven,
  (select count(*) from drills later where later.cluster = newest.cluster and later.end_time > proven.end_time) as drills_since,
  proven.workflow_id as proven_by_workflow_id,
  proven.run_id as proven_by_run_id,
  proven.evidence_path,
  newest.end_time as last_drill_at,
  newest.verdict as last_verdict
from (select distinct on (cluster) * from drills order by cluster, end_time desc, id desc) newest
left join (
  select distinct on (cluster) * from drills where verdict = 'passed' order by cluster, end_time desc, id desc
) proven using (cluster);
comment on view pgdrill.v_last_proven is
  'Per cluster with a drill: the newest one that passed (null where none has), how long ago, and how the newest of all ended.';

create view pgdrill.v_objectives as
with demanded as (
  select cluster, objective, demanded, limit_seconds from pgdrill.cluster_objectives
),
measured as (
  select distinct on (cluster) cluster, 'rto' as objective, rto_seconds as actual_seconds, end_time, workflow_id, run_id
  from pgdrill.recovery_history
  where kind = 'drill' and verdict <> 'failed' and rto_seconds is not null
  order by cluster, end_time desc, id desc
),
lost as (
  select distinct on (cluster) cluster, 'rpo' as objective, rpo_seconds as actual_seconds, end_time, workflow_id, run_id
  from pgdrill.recovery_history
  where kind = 'drill' and verdict <> 'failed' and rpo_seconds is not null
  order by cluster, end_time desc, id desc
),
proven as (
  select cluster, 'proven_within' as objective, seconds_since_proven as actual_seconds, last_proven_at as end_time,
    proven_by_workflow_id as workflow_id, proven_by_run_id as run_id
  from pgdrill.v_last_proven
  where last_proven_at is not null
),
actual as (
  select * from measured union all select * from lost union all select * from proven
)
select
  demanded.cluster,
  demanded.objective,
  demanded.demanded,
  demanded.limit_seconds,
  actual.actual_seconds,
  case
    when actual.actual_seconds is null and demanded.objective = 'proven_within' then 'missed'
    when actual.actual_seconds is null or actual.actual_seconds < 0 then 'unknown'
    when actual.actual_seconds <= demanded.limit_seconds then 'met'
    else 'missed'
  end as status,
  actual.end_time as measured_at,
  actual.workflow_id,
  actual.run_id
from demanded
left join actual using (cluster, objective);
comment on view pgdrill.v_objectives is
  'Each objective of each cluster at this moment: the limit, the figure of the newest drill, and met, missed or unknown.';
`,
  },
  {
    version: 5,
    name: 'the worst RPO since the drill before',
    sql: `
alter table pgdrill.recovery_history add column worst_rpo_seconds numeric;
comment on column pgdrill.recovery_history.worst_rpo_seconds is
  'At the worst moment since the drill before; null where it is not known.';

create or replace view pgdrill.v_objectives as
with measured as (
  select distinct on (cluster) cluster, 'rto' as objective, rto_seconds as actual_seconds, end_time, workflow_id, run_id
  from pgdrill.recovery_history
  where kind = 'drill' and verdict <> 'failed' and rto_seconds is not null
  order by cluster, end_time desc, id desc
),
lost as (
  select distinct on (cluster) cluster, 'rpo' as objective, coalesce(worst_rpo_seconds, rpo_seconds) as actual_seconds,
    end_time, workflow_id, run_id
  from pgdrill.recovery_history
  where kind = 'drill' and verdict <> 'failed' and rpo_seconds is not null
  order by cluster, end_time desc, id desc
),
proven as (
  select cluster, 'proven_within' as objective, seconds_since_proven as actual_seconds, last_proven_at as end_time,
    proven_by_workflow_id as workflow_id, proven_by_run_id as run_id
  from pgdrill.v_last_proven
  where last_proven_at is not null
),
actual as (
  select * from measured union all select * from lost union all select * from proven
)
select
  demanded.cluster,
  demanded.objective,
  demanded.demanded,
  demanded.limit_seconds,
  actual.actual_seconds,
  case
    when actual.actual_seconds is null and demanded.objective = 'proven_within' then 'missed'
    when actual.actual_seconds is null or actual.actual_seconds < 0 then 'unknown'
    when actual.actual_seconds <= demanded.limit_seconds then 'met'
    else 'missed'
  end as status,
  actual.end_time as measured_at,
  actual.workflow_id,
  actual.run_id
from pgdrill.cluster_objectives demanded
left join actual using (cluster, objective);
`,
  },
  {
    version: 6,
    name: 'scenarios of drills',
    sql: `
alter table pgdrill.recovery_history add column scenario text;
comment on column pgdrill.recovery_history.scenario is
  'Which failure a drill rehearsed (docs/scenarios.md); null where none was named: then it was now, where recovery_type is fence.';
`,
  },
  {
    version: 7,
    name: 'extractions',
    sql: `
alter table pgdrill.recovery_history
  drop constraint recovery_history_kind_check,
  add constraint recovery_history_kind_check check (kind in ('drill', 'recovery', 'extraction'));
`,
  },
  {
    version: 8,
    name: 'where content was compared',
    sql: `
alter table pgdrill.recovery_history add column compared_lsn pg_lsn;
comment on column pgdrill.recovery_history.compared_lsn is
  'Where the restored content was compared with the source; null where it was not. From there to target_lsn WAL was replayed and checked, not compared.';

create or replace view pgdrill.v_last_proven as
with drills as (
  select * from pgdrill.recovery_history where kind = 'drill'
)
select
  newest.cluster,
  proven.end_time as last_proven_at,
  coalesce(proven.compared_lsn, proven.target_lsn) as proven_lsn,
  extract(epoch from now() - proven.end_time) as seconds_since_proven,
  (select count(*) from drills later where later.cluster = newest.cluster and later.end_time > proven.end_time) as drills_since,
  proven.workflow_id as proven_by_workflow_id,
  proven.run_id as proven_by_run_id,
  proven.evidence_path,
  newest.end_time as last_drill_at,
  newest.verdict as last_verdict
from (select distinct on (cluster) * from drills order by cluster, end_time desc, id desc) newest
left join (
  select distinct on (cluster) * from drills where verdict = 'passed' order by cluster, end_time desc, id desc
) proven using (cluster);
`,
  },
  {
    version: 9,
    name: 'digests of evidence',
    sql: `
alter table pgdrill.recovery_history add column evidence_sha256 text;
comment on column pgdrill.recovery_history.evidence_sha256 is
  'The digest that the evidence names (docs/evidence.md): what is missing in the repository, or has another one there, was removed or changed.';
`,
  },
];
