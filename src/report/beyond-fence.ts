import { lsnDistanceBytes } from '../postgres/lsn.js';
import type { Evidence } from '../schema/evidence.js';
import { bytes, moment } from '../schema/figures.js';
import type { Finding, Plan, Replay, Validation } from '../schema/results.js';

interface Way {
  plan?: Plan | undefined;
  replay?: Replay | undefined;
  atFence?: Pick<Validation, 'checks'> | undefined;
  validation?: Pick<Validation, 'checks'> | undefined;
}

/** The WAL that was replayed behind a recorded fence on the way; undefined where replay did not go on from one. */
export function beyondFence({ plan, replay, atFence }: Way): Evidence['beyond'] {
  const fromLsn = plan?.onTheWay?.recorded.fence.lsn;
  // Somebody may have sent the paused server on to a place at which the source is known.
  if (atFence === undefined || fromLsn === undefined || replay === undefined || plan?.recorded !== undefined)
    return undefined;
  const toLsn = replay.reachedLsn;
  return { fromLsn, toLsn, bytes: lsnDistanceBytes(fromLsn, toLsn) };
}

/** What exactly is proven of a drill that came by a fence, and what is not. */
export function describeWay(way: Way): string | undefined {
  const [beyond, recorded] = [beyondFence(way), way.plan?.onTheWay?.recorded];
  if (beyond === undefined || recorded === undefined) return undefined;
  const { drill, fence } = recorded;
  const checkedBy = (way.validation?.checks ?? []).map(({ name }) => name).join(', ');
  return `Proven equal at LSN ${fence.lsn} (fence of drill ${drill}, ${moment(fence.takenAt)}); from ${fence.lsn} to ${beyond.toLsn} ${bytes(beyond.bytes)} of WAL replayed, checked by ${checkedBy}, not compared.`;
}

/** For what the evidence lists as not covered. */
export function notComparedBeyond(way: Way): string[] {
  const beyond = beyondFence(way);
  return beyond === undefined
    ? []
    : [
        `what was committed between ${beyond.fromLsn} and ${beyond.toLsn} (${bytes(beyond.bytes)} of WAL): it was replayed and checked, but nothing is known of the source there`,
      ];
}

/** A chain that was only taken because it leads over the fence: a recovery would be faster. */
export function detourOf({ plan }: Way): Finding[] {
  const { chain = [], onTheWay } = plan ?? {};
  if (onTheWay?.instead === undefined) return [];
  return [
    {
      name: 'chain',
      level: 'ok',
      message: `Restored from ${chain.at(-1)?.id ?? ''}, which leads over the fence ${onTheWay.recorded.fence.lsn}. A recovery to the same target would take ${onTheWay.instead}, which begins behind it, and take less time.`,
    },
  ];
}
