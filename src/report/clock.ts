import type { Evidence } from '../schema/evidence.js';
import type { Approval, Objective, Opened, Phase, Plan, Prepared, Replay, Rpo, Validation } from '../schema/results.js';

/** What the steps of a restore said of their time; those that did not happen are absent. */
export interface ClockInput {
  plan?: Plan | undefined;
  prepared?: Prepared | undefined;
  replay?: Replay | undefined;
  /** A comparison before the server was opened. */
  atFence?: Validation | undefined;
  opened?: Opened | undefined;
  validation?: Validation | undefined;
  approvals: readonly Approval[];
}

/**
 * The clock of a restore (docs/clock.md). RTO: from the moment it was ordered until the server took writes, without the time that gates
 * waited for a human, and without what was compared before: a real restore does not stop for that. Phases are what the steps measured; the rest of the RTO (dispatch, retries, dead workers) is `other`.
 */
export function readClock(input: ClockInput): Evidence['clock'] {
  const { plan, opened, validation } = input;
  const { atFence } = input;
  const phases: Phase[] = [input.plan, input.prepared, input.replay, atFence, input.opened, input.validation].flatMap(
    (result) => result?.phases ?? [],
  );
  const waitedForHumansSeconds = sum(
    input.approvals.map(({ openedAt, decidedAt }) => Math.max(0, secondsBetween(openedAt, decidedAt))),
  );
  if (plan === undefined || opened === undefined) return { phases, waitedForHumansSeconds };
  const order: Span = { from: Date.parse(plan.orderedAt), to: Date.parse(opened.openedAt) };
  // The clock was set back meanwhile: then nobody knows how long it took, and 0 would be a lie.
  if (order.to < order.from) return { phases, waitedForHumansSeconds };
  const restoring = phases.filter(({ name }) => name !== 'validate');
  const compared = atFence?.phases ?? [];
  const waits = [
    ...input.approvals.map(({ openedAt, decidedAt }) => ({ from: openedAt, to: decidedAt })),
    ...timesOf(compared),
  ];
  const wallSeconds = (length([order]) - waitedInTheWay(order, waits, restoring)) / 1_000;
  const accounted = sum(restoring.map(({ seconds }) => seconds));
  // Phases follow each other, so together they cannot take longer than the whole. Where they seem to, the wall clock was set back, and the
  // greater figure is the one that misleads nobody.
  const rtoSeconds = Math.max(wallSeconds, accounted);
  return {
    phases,
    rtoSeconds,
    ...(validation === undefined
      ? {}
      : {
          rtoToProvenSeconds:
            rtoSeconds +
            sum(compared.map(({ seconds }) => seconds)) +
            Math.max(0, secondsBetween(opened.openedAt, validation.finishedAt)),
        }),
    waitedForHumansSeconds,
    otherSeconds: rtoSeconds - accounted,
    ...(accounted - wallSeconds > noticeableSeconds ? { clockSetBackSeconds: accounted - wallSeconds } : {}),
  };
}

/** Below this it is the rounding of instants to milliseconds. */
const noticeableSeconds = 0.05;

/** Milliseconds since 1970. */
interface Span {
  from: number;
  to: number;
}

/**
 * How many milliseconds of a span nothing went on but what is no part of the RTO. Waits that overlap count once, and a wait in which a phase
 * was at work is that phase's time: else the phases together would be more than the RTO.
 */
function waitedInTheWay(order: Span, waits: readonly Times[], phases: readonly Phase[]): number {
  const clip = (spans: readonly Times[]): Span[] =>
    spans
      .map(({ from, to }) => ({
        from: Math.max(order.from, Date.parse(from)),
        to: Math.min(order.to, Date.parse(to)),
      }))
      .filter(({ from, to }) => to > from);
  const work = clip(timesOf(phases));
  return length([...clip(waits), ...work]) - length(work);
}

function timesOf(phases: readonly Phase[]): Times[] {
  return phases.flatMap(({ startedAt, finishedAt }) =>
    startedAt === undefined || finishedAt === undefined ? [] : [{ from: startedAt, to: finishedAt }],
  );
}

/** By the wall clock. */
interface Times {
  from: string;
  to: string;
}

/** Of the union of spans, in milliseconds. */
function length(spans: readonly Span[]): number {
  let [total, until] = [0, -Infinity];
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from)) {
    total += Math.max(0, to - Math.max(from, until));
    until = Math.max(until, to);
  }
  return total;
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
    // The worst moment that is known: an objective that only the lucky ones meet is not met.
    judge('rpo', objectives.rpo, objectives.rpoSeconds, rpo?.worst?.seconds ?? rpo?.seconds),
  ];
}

function secondsBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 1_000;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
