import type { Evidence } from '../schema/evidence.js';
import type { Approval, Objective, Opened, Phase, Plan, Prepared, Replay, Rpo, Validation } from '../schema/results.js';

/** What the steps of a restore said of their time; those that did not happen are absent. */
export interface ClockInput {
  plan?: Plan | undefined;
  prepared?: Prepared | undefined;
  replay?: Replay | undefined;
  opened?: Opened | undefined;
  validation?: Validation | undefined;
  approvals: readonly Approval[];
}

/**
 * The clock of a restore. RTO: from the moment it was ordered until the server took writes, without the time that gates waited for a
 * human (design, "The clock"). Phases are what the steps measured; the rest of the RTO (dispatch, retries, dead workers) is `other`.
 */
export function readClock(input: ClockInput): Evidence['clock'] {
  const { plan, opened, validation } = input;
  const phases: Phase[] = [input.plan, input.prepared, input.replay, input.opened, input.validation].flatMap(
    (result) => result?.phases ?? [],
  );
  const waitedForHumansSeconds = sum(
    input.approvals.map(({ openedAt, decidedAt }) => secondsBetween(openedAt, decidedAt)),
  );
  if (plan === undefined || opened === undefined) return { phases, waitedForHumansSeconds };
  const [from, to] = [plan.orderedAt, opened.openedAt];
  // The clock was set back meanwhile: then nobody knows how long it took, and 0 would be a lie.
  if (secondsBetween(from, to) < 0) return { phases, waitedForHumansSeconds };
  // Only what a gate waited between order and opening was in the way.
  const waitedMeanwhile = sum(
    input.approvals.map(({ openedAt, decidedAt }) =>
      Math.max(0, secondsBetween(later(from, openedAt), earlier(to, decidedAt))),
    ),
  );
  const rtoSeconds = Math.max(0, secondsBetween(from, to) - waitedMeanwhile);
  const accounted = sum(phases.filter(({ name }) => name !== 'validate').map(({ seconds }) => seconds));
  return {
    phases,
    rtoSeconds,
    ...(validation === undefined
      ? {}
      : { rtoToProvenSeconds: rtoSeconds + secondsBetween(opened.openedAt, validation.finishedAt) }),
    waitedForHumansSeconds,
    otherSeconds: Math.max(0, rtoSeconds - accounted),
  };
}

/** Objectives against figures: `unknown` where either is missing. */
export function judgeObjectives(
  objectives: { rto?: string; rtoSeconds?: number; rpo?: string; rpoSeconds?: number },
  rtoSeconds: number | undefined,
  rpo: Rpo | undefined,
): Objective[] {
  const judge = (
    name: Objective['name'],
    text: string | undefined,
    limit: number | undefined,
    actual: number | undefined,
  ): Objective => ({
    name,
    ...(text === undefined ? {} : { objective: text }),
    ...(actual === undefined ? {} : { actualSeconds: actual }),
    status: limit === undefined || actual === undefined ? 'unknown' : actual <= limit ? 'met' : 'missed',
  });
  return [
    judge('rto', objectives.rto, objectives.rtoSeconds, rtoSeconds),
    judge('rpo', objectives.rpo, objectives.rpoSeconds, rpo?.seconds),
  ];
}

function later(a: string, b: string): string {
  return Date.parse(a) >= Date.parse(b) ? a : b;
}

function earlier(a: string, b: string): string {
  return Date.parse(a) <= Date.parse(b) ? a : b;
}

function secondsBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 1_000;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
