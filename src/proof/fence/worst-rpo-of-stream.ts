import { firstCommitIn } from '../../postgres/first-commit.js';
import { compareLsn, lsnDistanceBytes } from '../../postgres/lsn.js';
import { spansBetween } from '../../postgres/timeline.js';
import { segmentName, segmentNumberOf } from '../../postgres/wal-segment.js';
import type { Repository } from '../../repository/repository.js';
import { calmSeconds, readStreamRecord, type StreamStep } from '../../repository/stream-record.js';
import { listWalArchive } from '../../repository/wal-archive.js';
import type { WorstRpo } from '../../schema/results.js';
import type { PostgresTools } from '../../toolchain/postgres.js';
import type { FailureMoment } from './measure-rpo.js';
import { mostMs, worstExposure, type WorstRpoRequest } from './worst-rpo.js';

/** A stretch of WAL that was received at once, as far as is known. */
interface Received {
  from: string;
  to: string;
  savedAtMs: number;
  /** No commit in it was older when it was received. */
  atMostSeconds: number;
}

/**
 * The worst RPO that a stream's own record shows: had the source been lost at the worst moment of the window, how old would the oldest lost
 * commit have been? Where the stream ran well, that is what the record says, which errs towards more by the seconds between two looks.
 * Where it was further behind, or nobody looked, the WAL itself is asked for the first commit that was late.
 *
 * @param moment what had been received at the window's end.
 */
export async function measureWorstOfStream(
  tools: PostgresTools,
  request: WorstRpoRequest & { repository: Repository; moment: FailureMoment },
): Promise<WorstRpo> {
  const { repository, since, until, moment, segmentSizeBytes } = request;
  const steps = (await readStreamRecord(repository)).filter(({ at }) => Date.parse(at) < Date.parse(until));
  const [first, last] = [steps[0], steps.at(-1)];
  if (first === undefined || last === undefined) {
    const unknown = 'the stream has kept no record yet of how far it was behind';
    return { since: since ?? until, until, segments: 0, unknown };
  }
  const began = since === undefined || Date.parse(since) < Date.parse(first.at) ? first.at : since;
  const window = receivedIn([...steps, lastStep(last, moment)]).filter(
    ({ savedAtMs }) => savedAtMs > Date.parse(began),
  );
  const calm = window.reduce(
    (most, { atMostSeconds }) => (atMostSeconds <= calmSeconds ? Math.max(most, atMostSeconds) : most),
    0,
  );
  const archive = await listWalArchive(request.walDirectory, segmentSizeBytes);
  const firstCommit = async (received: Received): Promise<number | undefined> => {
    const { from, to, savedAtMs, atMostSeconds } = received;
    const atLeastMs = savedAtMs - atMostSeconds * 1_000;
    for (const span of spansBetween(request.history, from, to, segmentSizeBytes)) {
      const number = segmentNumberOf(span.from, segmentSizeBytes);
      const held = [archive.segments, archive.partials].some((each) => each?.get(span.timeline)?.has(number) === true);
      if (!held) return atLeastMs; // retention took it
      const { walDirectory, signal } = request;
      const committedAtMs = await firstCommitIn(tools, { walDirectory, segmentSizeBytes, ...span }, signal);
      if (committedAtMs !== undefined) return Math.max(committedAtMs, atLeastMs);
    }
    return undefined;
  };
  const deadline = performance.now() + mostMs;
  const behind = window.filter(({ atMostSeconds }) => atMostSeconds > Math.max(calm, calmSeconds));
  const worst = await worstExposure(behind, firstCommit, () => performance.now() < deadline);
  const [from, to] = [window[0]?.from ?? last.lsn, window.at(-1)?.to ?? last.lsn];
  const segments = Math.floor(lsnDistanceBytes(from, to) / segmentSizeBytes);
  const base = { since: began, until, segments, byStream: true as const };
  if (worst === undefined || worst.seconds <= calm) return { ...base, seconds: calm };
  const { segment: late, seconds, committedAtMs, atMostSeconds } = worst;
  const timeline = spansBetween(request.history, late.from, late.to, segmentSizeBytes)[0]?.timeline ?? 1;
  return {
    ...base,
    seconds,
    ...(atMostSeconds === undefined ? {} : { atMostSeconds }),
    segment: segmentName({ timeline, number: segmentNumberOf(late.from, segmentSizeBytes) }, segmentSizeBytes),
    committedAt: new Date(committedAtMs).toISOString(),
    savedAt: new Date(late.savedAtMs).toISOString(),
  };
}

/** The window's end as one more step: what was received since the record's last line. */
function lastStep(last: StreamStep, { failureAt, repositoryLsn }: FailureMoment): StreamStep {
  const atMostSeconds = Math.max(0, (Date.parse(failureAt) - Date.parse(last.asOf)) / 1_000);
  return { lsn: repositoryLsn, at: failureAt, asOf: last.asOf, atMostSeconds };
}

function receivedIn(steps: readonly StreamStep[]): Received[] {
  return steps.slice(1).flatMap(({ lsn: to, at, atMostSeconds }, index) => {
    const from = steps[index]?.lsn ?? to;
    return compareLsn(from, to) < 0 ? [{ from, to, savedAtMs: Date.parse(at), atMostSeconds }] : [];
  });
}
