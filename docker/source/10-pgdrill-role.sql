-- The role that pgdrill backs up with: it may read everything and change nothing.
\set password `cat /run/secrets/source_pgdrill_password`
create role pgdrill login replication password :'password';
grant pg_read_all_data, pg_monitor to pgdrill;

-- The archive check and the fence end a WAL segment and mark a point in it.
grant execute on function pg_switch_wal() to pgdrill;
grant execute on function pg_create_restore_point(text) to pgdrill;
