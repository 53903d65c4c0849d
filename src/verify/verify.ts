import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { TimelineSpan } from '../postgres/timeline.js';
import { parseSegmentName } from '../postgres/wal-segment.js';
import { withLockFile } from '../process/lock-file.js';
import type { StepContext } from '../process/step-context.js';
import { keys, type Repository } from '../repository/repository.js';
import type { Wal } from '../repository/wal-mode.js';
import { emptyState, readState } from '../retention/state.js';
import type { BackupRecord } from '../schema/backup-record.js';
import { openFindings, type RepositoryFinding, type Verified } from '../schema/verification.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { withAcknowledgements } from './acknowledge.js';
import { type ArchiveFiles, emptyArchive, listArchiveFiles } from './archive-files.js';
import { checkBackup, checkChains } from './check-backup.js';
import { checkEvidence, checkTop, readHistories, readRecords } from './check-files.js';
import { checkRecords } from './check-records.js';
import { checkSegments } from './check-segments.js';
import { compareDuplicates } from './duplicates.js';
import { finding } from './finding.js';
import { findGaps, gapFinding } from './gaps.js';
import { KeptResults } from './kept-results.js';
import { Looking } from './looking.js';
import { Rate } from './rate.js';
import { readTimelines } from './timelines.js';

/** What initdb takes where it is not told otherwise; only where no backup tells. */
const defaultSegmentBytes = 16_777_216;

export interface VerifyRequest {
  repository: Repository;
  walDirectory: string;
  /** How WAL comes there. */
  wal?: Wal;
  /** Bytes a second that are read at most. */
  maxRateBytes: number | undefined;
}

export interface Found {
  findings: RepositoryFinding[];
  verified: Verified;
  notLookedAt: string[];
}

/**
 * Walks a whole repository, without touching its source: the WAL archive, timelines, backups with every file's content, evidence, and what
 * else lies there. Nothing is changed but links to tablespaces that a move has left behind. A next attempt of the same operation goes on
 * where this one stopped.
 *
 * @throws BusyError (retryable) while another verification of the same repository runs.
 */
export async function verifyRepository(
  tools: PostgresTools,
  request: VerifyRequest,
  context: StepContext,
): Promise<Found> {
  const { repository } = request;
  const { operation, attempt } = context;
  return await withLockFile(
    join(repository.path, 'verify.lock'),
    { operation, attempt, guards: 'The verification of the repository' },
    async (lock) => {
      const path = join(repository.path, 'verify', '.kept-results');
      const kept = await KeptResults.open(path, operation, () => lock.assertHeld());
      try {
        return await lookAtEverything(tools, request, context, kept);
      } finally {
        await kept.close();
      }
    },
  );
}

/** Forgets what was kept for a retry, once the report is written. */
export async function forgetKept({ path }: Repository): Promise<void> {
  await rm(join(path, 'verify', '.kept-results'), { force: true });
}

async function lookAtEverything(
  tools: PostgresTools,
  { repository, walDirectory, wal: mode, maxRateBytes }: VerifyRequest,
  context: StepContext,
  kept: KeptResults,
): Promise<Found> {
  const { signal } = context;
  context.progress({ doing: 'listing the repository' });
  const { records, findings } = await readRecords(repository);
  const newest = records.at(-1);
  const segmentSizeBytes = newest?.walSegmentSizeBytes ?? defaultSegmentBytes;
  const listable = mode?.mode !== 'command';
  const archive = listable
    ? await listArchiveFiles(walDirectory, segmentSizeBytes, signal)
    : emptyArchive(walDirectory);
  const looking = new Looking(context, new Rate(maxRateBytes, signal), kept, bytesToRead(records, archive));

  findings.push(...(await checkTop(repository)), ...(await checkChains(repository, records)), ...strangers(archive));
  const timelines = await checkTimelines(archive, listable ? records : []);
  findings.push(
    ...timelines.findings,
    ...(listable ? await gapsIn(repository, archive, timelines.ancestries, records, segmentSizeBytes) : []),
  );
  const wal = await checkSegments(
    archive,
    {
      systemIdentifier: repository.systemIdentifier,
      major: newest === undefined ? undefined : Math.floor(newest.serverVersionNumber / 10_000),
      segmentSizeBytes,
      ancestries: timelines.ancestries,
    },
    looking,
  );
  findings.push(
    ...wal.findings,
    ...(await compareDuplicates(
      archive,
      timelines.ancestries,
      segmentSizeBytes,
      looking,
      new Set(wal.unread.map(({ name }) => name)),
    )),
  );
  const unlike = otherMajor(tools, newest);
  if (unlike === undefined) {
    const told = [
      ...wal.unread.map(({ name }) => name),
      ...wal.findings.map(({ id }) => id.slice(id.indexOf('/') + 1)),
    ];
    const { ancestries } = timelines;
    const known = { segmentSizeBytes, ancestries, leftOut: new Set(told) };
    findings.push(...(await checkRecords(tools, archive, known, looking)));
  }
  const evidence = await checkEvidence(repository);
  findings.push(...evidence.findings);

  const notLookedAt: string[] = listable
    ? []
    : [
        'The WAL archive: it is reached by wal.restore_command, which fetches one file and cannot list them. Whether WAL is missing or damaged, drills and restores show.',
      ];
  if (unlike !== undefined && archive.segments.length > 0)
    notLookedAt.push(`The records of the archived WAL: ${unlike}.`);
  const read = { backups: 0, files: 0, bytes: 0 };
  for (const record of records) {
    const backup = await checkBackup(tools, repository, record, looking);
    if ((await repository.storage.readText(keys.record(record.id))) === undefined) {
      notLookedAt.push(`Backup ${record.id} was removed meanwhile.`);
      continue;
    }
    findings.push(...backup.findings);
    read.backups += 1;
    read.files += backup.files;
    read.bytes += backup.bytes;
  }
  if (wal.unread.length > 0) {
    notLookedAt.push(
      `The content of ${wal.unread.length} compressed WAL segments (${wal.unread[0]?.name ?? ''}, …): the program that unpacks them is not on the PATH.`,
    );
  }
  return {
    findings: sorted(await withAcknowledgements(repository, findings)),
    verified: {
      backups: read.backups,
      backupFiles: read.files,
      backupBytes: read.bytes,
      walSegments: wal.looked,
      walBytes: wal.bytes,
      timelineHistories: archive.histories.length,
      evidence: evidence.read,
    },
    notLookedAt,
  };
}

/** Why pg_waldump cannot read this WAL: only that of its own major version has a format that it knows. */
function otherMajor(tools: PostgresTools, newest: BackupRecord | undefined): string | undefined {
  if (newest === undefined) return 'no backup tells of which major version they are';
  if (Math.floor(newest.serverVersionNumber / 10_000) === tools.major) return undefined;
  return `they are of PostgreSQL ${newest.serverVersion}, and the programs here of ${tools.version}`;
}

/** A quick look: nothing is read but names, sizes and history files. Acknowledged gaps say so. */
export async function lookAtArchive(
  repository: Repository,
  walDirectory: string,
  signal: AbortSignal,
): Promise<{ archive: ArchiveFiles; segmentSizeBytes: number; gaps: RepositoryFinding[] }> {
  const { records } = await readRecords(repository);
  const segmentSizeBytes = records.at(-1)?.walSegmentSizeBytes ?? defaultSegmentBytes;
  const archive = await listArchiveFiles(walDirectory, segmentSizeBytes, signal);
  const { ancestries } = await checkTimelines(archive, records);
  const gaps = await gapsIn(repository, archive, ancestries, records, segmentSizeBytes);
  return { archive, segmentSizeBytes, gaps: await withAcknowledgements(repository, gaps) };
}

/** Of gaps, those that replay does not get past on its way to the newest timeline, and that nobody has accepted. */
export function openGaps(gaps: readonly RepositoryFinding[]): RepositoryFinding[] {
  return openFindings(gaps).filter(({ level }) => level === 'error');
}

/** The gaps alone. */
export async function findArchiveGaps(
  repository: Repository,
  walDirectory: string,
  signal: AbortSignal,
): Promise<RepositoryFinding[]> {
  return (await lookAtArchive(repository, walDirectory, signal)).gaps;
}

async function checkTimelines(
  archive: ArchiveFiles,
  records: readonly BackupRecord[],
): Promise<ReturnType<typeof readTimelines>> {
  const inUse = new Set([...archive.segments, ...records].map(({ timeline }) => timeline));
  return readTimelines(
    await readHistories(archive.directory, archive.histories),
    [...inUse].sort((a, b) => a - b),
  );
}

async function gapsIn(
  repository: Repository,
  archive: ArchiveFiles,
  ancestries: ReadonlyMap<number, readonly TimelineSpan[]>,
  records: readonly BackupRecord[],
  segmentSizeBytes: number,
): Promise<RepositoryFinding[]> {
  const segments = new Map<number, Set<bigint>>();
  const add = (timeline: number, number: bigint): void =>
    void segments.set(timeline, (segments.get(timeline) ?? new Set()).add(number));
  // What a partial segment holds ends somewhere in it: it is no link to the next one.
  for (const { timeline, number, partial } of archive.segments) if (!partial) add(timeline, number);
  // What retention deleted on purpose is no loss; without its state, nothing is known to have been.
  const { expiredWal } = await readState(repository).catch(() => emptyState);
  for (const stretch of expiredWal) {
    const [from, to] = [stretch.from, stretch.to].map((name) => parseSegmentName(name.slice(0, 24), segmentSizeBytes));
    if (to === undefined || from?.timeline !== to.timeline) continue;
    for (let { number } = from; number <= to.number; number += 1n) add(from.timeline, number);
  }
  return findGaps(segments, ancestries, records, segmentSizeBytes).map((gap) => gapFinding(gap, segmentSizeBytes));
}

function strangers({ foreign, temporary }: ArchiveFiles): RepositoryFinding[] {
  return [
    ...foreign.map((name) => finding('foreign-file', `wal/${name}`, `${name} in the WAL archive is no WAL.`)),
    ...temporary.map((name) => finding('left-over', `wal/${name}`, `${name} in the WAL archive is half-written.`)),
  ];
}

function bytesToRead(records: readonly BackupRecord[], { segments }: ArchiveFiles): number {
  // Its first page, or the whole to see how long it is; then its records.
  const compressed = segments.filter(({ compression }) => compression !== 'none');
  return [...records, ...compressed, ...segments].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** The worst first. */
function sorted(findings: readonly RepositoryFinding[]): RepositoryFinding[] {
  const rank = { error: 0, warning: 1, note: 2 };
  const open = ({ acknowledged }: RepositoryFinding): number => (acknowledged === undefined ? 0 : 1);
  return [...findings].sort(
    (a, b) => open(a) - open(b) || rank[a.level] - rank[b.level] || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0),
  );
}
