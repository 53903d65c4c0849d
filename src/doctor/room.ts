import { freeBytes } from '../files/room.js';
import type { Connection } from '../postgres/connection.js';
import type { Finding } from '../schema/results.js';

/** Whether the disks have room for another full backup, and for a sandbox. */
export async function checkRoom(client: Connection, repository: string, sandboxes: string): Promise<Finding[]> {
  const { rows } = await client.query<{ bytes: string }>(
    // Of what we may see: where that is not all, a finding on pg_monitor says so.
    `select coalesce(sum(pg_database_size(oid)), 0)::text as bytes
       from pg_database
      where has_database_privilege(oid, 'connect') or pg_has_role(current_user, 'pg_read_all_stats', 'usage')`,
  );
  const needed = Number(rows[0]?.bytes ?? 0);
  return await Promise.all([
    compare('repository room', repository, needed, 'another full backup'),
    compare('sandbox room', sandboxes, needed, 'a drill’s sandbox'),
  ]);
}

async function compare(name: string, path: string, neededBytes: number, forWhat: string): Promise<Finding> {
  const free = await freeBytes(path);
  if (free === undefined) return { name, level: 'warning', message: `${path} does not exist yet` };
  const figures = `${gigabytes(free)} free in ${path}, ${gigabytes(neededBytes)} needed for ${forWhat}`;
  return free >= neededBytes
    ? { name, level: 'ok', message: figures }
    : {
        name,
        level: 'warning',
        message: `${figures}: it will not fit.`,
        fix: 'Make room, or configure a directory on a larger disk.',
      };
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
