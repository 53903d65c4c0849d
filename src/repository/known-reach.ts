import { setTimeout as sleep } from 'node:timers/promises';

import type { Conninfo } from '../postgres/conninfo.js';
import { type Connection, withConnection } from '../postgres/connection.js';
import { bigIntToLsn } from '../postgres/lsn.js';
import { parseSegmentName } from '../postgres/wal-segment.js';
import { evidenceSchema } from '../schema/evidence.js';
import { readEvidenceFiles } from './evidence-files.js';
import { listBackups, type Repository } from './repository.js';

/** A place up to which an archive may have WAL, for one that cannot be listed. */
export interface KnownReach {
  timeline: number;
  /** All before it. */
  lsn: string;
  /** How it is known for certain that the archive had it, as a clause; absent where it is only worth asking for. */
  how?: string;
  /** Whether the archive had nothing behind it a moment ago. */
  isEnd?: true;
}

/** A source that does not answer within this is not waited for: a restore must not depend on it. */
const patienceMs = 4_000;

/**
 * How far the archive of a cluster has been known to reach: by the fences that drills took there, by later backups, and by what the source
 * says now, if it answers. Never fails because of the source.
 */
export async function knownReaches(
  repository: Repository,
  source: Conninfo | undefined,
  signal: AbortSignal,
): Promise<KnownReach[]> {
  const said = source === undefined ? [] : saidBySource(repository, source, signal);
  const backups = (await listBackups(repository)).map(({ timeline, startLsn: lsn }) => ({ timeline, lsn }));
  const fences = await readEvidenceFiles(repository, drillWithFence);
  return [
    ...backups,
    ...fences.flatMap(({ id, fence, fenceOf }) =>
      fenceOf === undefined
        ? [{ timeline: fence.timeline, lsn: fence.restorePointLsn, how: `drill ${id} found it there` }]
        : [],
    ),
    ...(await said),
  ];
}

const drillWithFence = evidenceSchema.pick({ id: true, fence: true, fenceOf: true }).required({ fence: true });

async function saidBySource(repository: Repository, source: Conninfo, signal: AbortSignal): Promise<KnownReach[]> {
  const asked = withConnection(source, (client) => archivedBySource(client, repository.systemIdentifier), {
    overrides: { connect_timeout: String(patienceMs / 1_000) },
    signal,
  }).catch(() => []);
  return await Promise.race([asked, sleep(patienceMs, [], { ref: false })]);
}

/**
 * What the server says of its archive: the segment that its archiver archived last; where it has none, the last one that it finished.
 *
 * @returns nothing where it is another cluster's server.
 */
export async function archivedBySource(
  client: Connection,
  systemIdentifier: string | undefined,
): Promise<KnownReach[]> {
  const { rows } = await client.query<{ id: string; size: string; archived: string | null; current: string | null }>(
    `select (select system_identifier::text from pg_control_system()) as id,
            pg_size_bytes(current_setting('wal_segment_size'))::text as size,
            last_archived_wal as archived,
            case when not pg_is_in_recovery() then pg_walfile_name(pg_current_wal_flush_lsn()) end as current
       from pg_stat_archiver`,
  );
  const [row] = rows;
  if (row === undefined || (systemIdentifier !== undefined && row.id !== systemIdentifier)) return [];
  const size = Number(row.size);
  const [archived, current] = [row.archived, row.current].map((name) => parseSegmentName(name ?? '', size));
  if (archived !== undefined) {
    const { timeline, number } = archived;
    const how = `the source says that it archived ${row.archived ?? ''}`;
    return [{ timeline, lsn: bigIntToLsn((number + 1n) * BigInt(size)), how, isEnd: true }];
  }
  return current === undefined ? [] : [{ timeline: current.timeline, lsn: bigIntToLsn(current.number * BigInt(size)) }];
}
