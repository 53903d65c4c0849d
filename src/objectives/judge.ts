import type { Objectives } from '../configuration/cluster.js';
import { forecastRto, type MeasuredRestore } from '../forecast/forecast.js';
import { moment, seconds } from '../schema/figures.js';
import type { ClusterObjectives, ObjectiveStatus, StandingObjective } from '../schema/objectives.js';
import type { ObjectiveDrill } from './read-drills.js';
import { remedies } from './remedies.js';

/**
 * Is a cluster within its objectives, by the evidence of its drills alone.
 *
 * RTO and RPO are those of the newest drill that measured them and was not judged `failed`: how fast something wrong was restored says
 * nothing. The RPO is the worst since the drill before, where that is known. `proven_within` is the time since the newest drill that passed.
 *
 * @param drills oldest first.
 */
export function judgeCluster(
  { name, objectives }: { name: string; objectives: Objectives },
  drills: readonly ObjectiveDrill[],
  now: Date,
): ClusterObjectives {
  const judged = [
    measured('rto', objectives.rto, objectives.rtoSeconds, drills, ({ clock }) => clock.rtoSeconds),
    measured('rpo', objectives.rpo, objectives.rpoSeconds, drills, ({ rpo }) => rpo?.worst?.seconds ?? rpo?.seconds),
    provenWithin(objectives, drills, now),
  ];
  const forecast = forecastRto(measuredRestores(drills), objectives.rtoSeconds);
  return {
    cluster: name,
    at: now.toISOString(),
    status: overall(judged),
    objectives: judged,
    forecast,
    remedies: remedies(drills, forecast, objectives.rtoSeconds),
  };
}

/** Where the evidence cannot be read: whatever is demanded is unknown, and why. */
export function unknownCluster(
  { name, objectives: o }: { name: string; objectives: Objectives },
  why: string,
  now: Date,
): ClusterObjectives {
  const unknown = { status: 'unknown', how: why } as const;
  return {
    cluster: name,
    at: now.toISOString(),
    status: 'unknown',
    objectives: [
      { name: 'rto', ...demanded(o.rto, o.rtoSeconds), ...unknown },
      { name: 'rpo', ...demanded(o.rpo, o.rpoSeconds), ...unknown },
      { name: 'proven_within', ...demanded(o.provenWithin, o.provenWithinSeconds), ...unknown },
    ],
    forecast: forecastRto([]),
    remedies: [],
  };
}

function measured(
  name: 'rto' | 'rpo',
  objective: string | undefined,
  limitSeconds: number | undefined,
  drills: readonly ObjectiveDrill[],
  of: (drill: ObjectiveDrill) => number | undefined,
): StandingObjective {
  const drill = drills.findLast((each) => each.verdict !== 'failed' && of(each) !== undefined);
  const actualSeconds = drill === undefined ? undefined : of(drill);
  return {
    name,
    ...demanded(objective, limitSeconds),
    ...(drill === undefined || actualSeconds === undefined ? {} : { actualSeconds, drill: drill.id }),
    status: against(limitSeconds, actualSeconds),
    how:
      drill === undefined
        ? `No drill that did not fail has measured it.`
        : `Measured by drill ${drill.id} (${drill.verdict}) at ${moment(drill.finishedAt)}.`,
  };
}

function provenWithin(
  { provenWithin: objective, provenWithinSeconds: limitSeconds }: Objectives,
  drills: readonly ObjectiveDrill[],
  now: Date,
): StandingObjective {
  const passed = drills.findLast(({ verdict }) => verdict === 'passed');
  const name = 'proven_within';
  const common = { name, ...demanded(objective, limitSeconds) } as const;
  if (passed === undefined) {
    // Not unknown: it is known that nothing was proven.
    return {
      ...common,
      status: limitSeconds === undefined ? 'unknown' : 'missed',
      how: drills.length === 0 ? 'No drill has left evidence.' : `None of ${drills.length} drills has passed.`,
    };
  }
  const actualSeconds = (now.getTime() - Date.parse(passed.finishedAt)) / 1_000;
  // Evidence from the future: a clock is wrong, and nobody knows how old it is.
  if (actualSeconds < 0)
    return {
      ...common,
      status: 'unknown',
      drill: passed.id,
      how: `Drill ${passed.id} ended in the future: a clock is wrong.`,
    };
  const since = drills.length - 1 - drills.lastIndexOf(passed);
  const later = since === 0 ? '' : ` ${since} later ${since === 1 ? 'drill' : 'drills'} did not pass.`;
  return {
    ...common,
    actualSeconds,
    drill: passed.id,
    status: against(limitSeconds, actualSeconds),
    how: `Proven by drill ${passed.id} at ${moment(passed.finishedAt)}, ${seconds(actualSeconds)} ago${comparedWith(passed)}.${later}`,
  };
}

/** A drill may have compared with what an earlier one read of the source: the proof is of that moment. */
function comparedWith({ fence, fenceOf }: ObjectiveDrill): string {
  return fence === undefined || fenceOf === undefined
    ? ''
    : `, compared with the source as it was at ${fence.lsn} (${moment(fence.takenAt)})`;
}

function demanded(
  objective: string | undefined,
  limitSeconds: number | undefined,
): Pick<StandingObjective, 'objective' | 'limitSeconds'> {
  return objective === undefined || limitSeconds === undefined ? {} : { objective, limitSeconds };
}

/** Met up to and with the limit. */
function against(limit: number | undefined, actual: number | undefined): ObjectiveStatus {
  return limit === undefined || actual === undefined ? 'unknown' : actual <= limit ? 'met' : 'missed';
}

function overall(objectives: readonly StandingObjective[]): ObjectiveStatus {
  const set = objectives.filter(({ limitSeconds }) => limitSeconds !== undefined);
  if (set.some(({ status }) => status === 'missed')) return 'missed';
  return set.length === 0 || set.some(({ status }) => status === 'unknown') ? 'unknown' : 'met';
}

/** Those of the host that restored last: another has other disks. */
function measuredRestores(drills: readonly ObjectiveDrill[]): MeasuredRestore[] {
  const host = drills.at(-1)?.host;
  return drills.flatMap((drill) => {
    const { rtoSeconds } = drill.clock;
    if (drill.verdict === 'failed' || drill.host !== host || rtoSeconds === undefined) return [];
    if (drill.restoredBytes === undefined || drill.replay === undefined) return [];
    return [
      {
        atMs: Date.parse(drill.finishedAt),
        rtoSeconds,
        dataBytes: drill.restoredBytes,
        walBytes: drill.replay.replayedBytes,
      },
    ];
  });
}
