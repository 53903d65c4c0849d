import { createHash } from 'node:crypto';

import { explainNoArrival } from '../doctor/wal-arrival.js';
import { RepositoryError } from '../errors.js';
import { type Connection, fixHost, withConnection } from '../postgres/connection.js';
import { bigIntToLsn, maxLsn } from '../postgres/lsn.js';
import { readSource, type Source } from '../postgres/source.js';
import { isInHistory, readTimelineHistory, type TimelineSpan } from '../postgres/timeline.js';
import { segmentNumberOf } from '../postgres/wal-segment.js';
import type { StepContext } from '../process/step-context.js';
import { newestBackup } from '../repository/chains.js';
import { fetchTimelines, fetchWal } from '../repository/fetch-wal.js';
import { archivedBySource } from '../repository/known-reach.js';
import { lastFailureMoment } from '../repository/recorded-fences.js';
import { listBackups, type Repository } from '../repository/repository.js';
import { withFrozenArchive } from '../repository/frozen-archive.js';
import { waitForSegment } from '../repository/wal-archive.js';
import type { Wal } from '../repository/wal-mode.js';
import { reachOf } from '../repository/wal-reach.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { Capture, WorstRpo } from '../schema/results.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { type Before, type FingerprintRequest, fingerprintSource, readAllSequences } from './fingerprint-source.js';
import { keepFingerprint } from './kept-fingerprint.js';
import { type FailureMoment, measureRpo, readFailureMoment } from './fence/measure-rpo.js';
import { measureWorstRpo } from './fence/worst-rpo.js';
import { measureWorstOfStream } from './fence/worst-rpo-of-stream.js';
import { dumpGlobals } from './schema/schema-dump.js';
import { listDatabases, takeFence } from './fence/take-fence.js';

export interface CaptureRequest extends FingerprintRequest {
  repository: Repository;
  walDirectory: string;
  /** How WAL arrives there; archived by the server where absent. */
  wal?: Wal;
  archiveTimeoutMs: number;
  snapshotTimeoutMs: number;
  /** Names the drill in restore points and in the evidence. */
  drillId: string;
}

/**
 * The LSN capture: fixes the moment of the simulated failure, takes the fence, and fingerprints the source at it. The fingerprint
 * goes into the evidence directory; its digest travels with the result, so that it is the same one that validation reads.
 */
export async function captureSource(
  tools: PostgresTools,
  asked: CaptureRequest,
  context: StepContext,
): Promise<Capture> {
  // The snapshots live on one server: everything else has to ask that one.
  const request = { ...asked, connection: await fixHost(asked.connection, context.signal) };
  return await withConnection(
    request.connection,
    async (client) => {
      const source = await readSource(client);
      const { wal, walDirectory } = request;
      await fetchTimelines(wal, { walDirectory, timelines: [source.timeline] }, context.signal);
      const line = await readTimelineHistory(request.walDirectory, source.timeline);
      const backup = newestBackup(
        (await listBackups(request.repository)).filter(
          ({ timeline, endLsn: lsn }) => line === undefined || isInHistory(line, { timeline, lsn }),
        ),
      );
      if (backup === undefined) {
        throw new RepositoryError({
          what: `The repository ${request.repository.path} holds no backup with a whole chain.`,
          means: 'There is nothing to restore, so nothing to prove.',
          todo: `Take a backup first (pgdrill backup ${request.repository.cluster}), or start the drill with backup full.`,
        });
      }
      const history = line ?? [{ timeline: backup.timeline }];
      const behindBackup = {
        ...{ walDirectory, segmentSizeBytes: source.walSegmentSizeBytes, timeline: source.timeline },
        from: { timeline: backup.timeline, lsn: backup.endLsn },
      };
      const known = () => archivedBySource(client, source.systemIdentifier);
      await fetchWal(wal, { ...behindBackup, known }, context.signal);
      const moment = await failureMoment(tools, { request, client, source, backup, history }, context.signal);
      // Before the fence: reading takes a while, and a snapshot is not to be held meanwhile.
      const worst = await worstSinceLastDrill(tools, request, { source, history, moment }, context);
      const databases = await listDatabases(client);
      const before: Before = { sequences: new Map(), globalsSql: '' };
      let snapshotSince = performance.now();
      const held = await takeFence(
        tools,
        {
          connection: request.connection,
          databases,
          walDirectory: request.walDirectory,
          timeline: source.timeline,
          segmentSizeBytes: source.walSegmentSizeBytes,
          scanFloorLsn: scanFloor(backup, history),
          restorePointPrefix: `pgdrill-${createHash('sha256').update(request.drillId).digest('hex').slice(0, 12)}`,
          waitForWal: async (lsn) => {
            await waitForWal(client, source, request, lsn, context);
            await fetchWal(wal, { ...behindBackup, to: lsn }, context.signal);
          },
          beforeSnapshots: async () => {
            const names = databases.map(({ name }) => name);
            for (const [name, reading] of await readAllSequences(request, names, context))
              before.sequences.set(name, reading);
            before.globalsSql = await dumpGlobals({ tools, connection: request.connection, signal: context.signal });
            snapshotSince = performance.now();
          },
        },
        context,
      );
      try {
        const atFailure = await measureRpo(
          tools,
          moment,
          {
            walDirectory: request.walDirectory,
            timeline: source.timeline,
            segmentSizeBytes: source.walSegmentSizeBytes,
          },
          context.signal,
        );
        const started = performance.now();
        const fingerprint = await fingerprintSource(
          tools,
          request,
          held,
          { ...before, deadline: snapshotSince + request.snapshotTimeoutMs },
          context,
        );
        return {
          fence: held.fence,
          rpo: { ...atFailure, worst: notLessThan(atFailure.seconds, worst) },
          fingerprint: { ...(await keepFingerprint(request, fingerprint)), durationMs: performance.now() - started },
        };
      } finally {
        await held.release();
      }
    },
    { signal: context.signal },
  );
}

async function worstSinceLastDrill(
  tools: PostgresTools,
  request: CaptureRequest,
  known: { source: Source; history: readonly TimelineSpan[]; moment: FailureMoment },
  context: StepContext,
): Promise<WorstRpo> {
  const { source, history, moment } = known;
  const until = moment.failureAt;
  // Before there was a backup nothing could have been restored: what a segment was late then says nothing.
  const [first] = await listBackups(request.repository);
  const since = (await lastFailureMoment(request.repository)) ?? first?.finishedAt;
  if (request.wal?.mode === 'command') {
    const unknown =
      'another tool archives the WAL, and nothing that pgdrill can ask keeps when each segment arrived: a restore command brings files without that time, and the source’s pg_stat_archiver knows the last one only';
    return { since: since ?? until, until, segments: 0, unknown };
  }
  context.progress({ doing: 'looking for the worst RPO since the last drill' });
  const window = {
    ...{ walDirectory: request.walDirectory, segmentSizeBytes: source.walSegmentSizeBytes, history, since, until },
    signal: context.signal,
  };
  return request.wal?.mode === 'stream'
    ? await measureWorstOfStream(tools, { ...window, repository: request.repository, moment })
    : await measureWorstRpo(tools, window);
}

/** The moment of the failure itself counts, too: it may be the worst. */
function notLessThan(atFailure: number, worst: WorstRpo): WorstRpo {
  if (worst.seconds === undefined || worst.seconds >= atFailure) return worst;
  const { since, until, segments, byStream, atMostSeconds = 0 } = worst;
  return {
    ...{ since, until, segments, seconds: atFailure },
    ...(byStream === undefined ? {} : { byStream }),
    ...(atMostSeconds > atFailure ? { atMostSeconds } : {}),
  };
}

/** The simulated failure: what the repository alone could have restored at this moment, and where the source stood right behind it. */
async function failureMoment(
  tools: PostgresTools,
  known: {
    request: CaptureRequest;
    client: Connection;
    source: Source;
    backup: BackupRecord;
    history: readonly TimelineSpan[];
  },
  signal: AbortSignal,
): Promise<FailureMoment> {
  const { request, client, source, backup, history } = known;
  return await withFrozenArchive(
    { directory: request.walDirectory, segmentSizeBytes: backup.walSegmentSizeBytes, history, fromLsn: backup.endLsn },
    async (archive) => {
      const moment = await readFailureMoment(client, source.walSegmentSizeBytes);
      const { endLsn } = await reachOf(tools, archive, history, backup.endLsn, signal);
      return { ...moment, repositoryLsn: maxLsn(backup.endLsn, endLsn ?? backup.endLsn) };
    },
  );
}

/** Before this the archive holds no WAL of the source's timeline, or none that matters. */
function scanFloor(backup: BackupRecord, history: readonly TimelineSpan[]): string {
  const switchedAt = history.at(-2)?.endLsn ?? backup.endLsn;
  return segmentStart(maxLsn(backup.endLsn, switchedAt), backup.walSegmentSizeBytes);
}

function segmentStart(lsn: string, segmentSizeBytes: number): string {
  return bigIntToLsn(segmentNumberOf(lsn, segmentSizeBytes) * BigInt(segmentSizeBytes));
}

async function waitForWal(
  client: Connection,
  source: Source,
  request: CaptureRequest,
  lsn: string,
  context: StepContext,
): Promise<void> {
  await waitForSegment(
    { directory: request.walDirectory, segmentSizeBytes: source.walSegmentSizeBytes, wal: request.wal },
    { timeline: source.timeline, lsn },
    {
      timeoutMs: request.archiveTimeoutMs,
      signal: context.signal,
      explain: () => explainNoArrival(client, request.wal),
      onWait: () => context.progress({ doing: 'waiting for the WAL up to the fence', lsn }),
    },
  );
}
