import type { Replay } from './results.js';

type Samples = NonNullable<Replay['samples']>;

const mostSamples = 200;

/**
 * Two replays of one server, the second from where the first was paused, as one.
 *
 * @param earlier undefined where there was none.
 */
export function joinReplays(earlier: Replay | undefined, next: Replay): Replay {
  if (earlier === undefined) return next;
  // A server that was started again knows only of the commits that it has replayed since.
  const lastCommitAt = next.lastCommitAt ?? earlier.lastCommitAt;
  return {
    ...next,
    ...(lastCommitAt === undefined ? {} : { lastCommitAt }),
    replayedBytes: earlier.replayedBytes + next.replayedBytes,
    samples: joinSamples(earlier.samples ?? [], next.samples ?? []),
    phases: [...earlier.phases, ...next.phases],
  };
}

/** The curve stands still in between, however long that was: only time in which WAL was replayed is in it. */
function joinSamples(earlier: Samples, next: Samples): Samples {
  const offset = earlier.at(-1)?.seconds ?? 0;
  const all = [...earlier, ...next.map(({ seconds, lsn }) => ({ seconds: offset + seconds, lsn }))];
  if (all.length <= mostSamples) return all;
  const kept = (number: number): number => Math.round((number * (all.length - 1)) / (mostSamples - 1));
  return Array.from({ length: mostSamples }, (_, number) => all[kept(number)]).filter((each) => each !== undefined);
}
