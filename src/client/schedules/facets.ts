import { createHash } from 'node:crypto';

import type { ScheduleWish } from './wish.js';

/** What of a schedule is compared and shown: each facet as a text for people. Equal texts mean equal schedules. */
export interface Facets {
  cron: string;
  'time zone': string;
  /** Times that are left out. */
  except: string;
  jitter: string;
  'catch-up': string;
  overlap: string;
  'pause on failure': string;
  workflow: string;
  'workflow id': string;
  'task queue': string;
  input: string;
  /** Limits that somebody set by hand: first and last moment, how many starts are left. */
  limits: string;
}

/** One facet that differs. */
export interface Difference {
  what: string;
  from: string;
  to: string;
}

export function differences(from: Facets, to: Facets): Difference[] {
  return (Object.keys(to) as (keyof Facets)[])
    .filter((what) => from[what] !== to[what])
    .map((what) => ({ what, from: from[what], to: to[what] }));
}

/**
 * Stands for all facets at once. It is kept with the schedule when it is applied: facets that give another mark were changed since, by
 * somebody else.
 */
export function markOf(facets: Facets): string {
  return createHash('sha256').update(sorted(facets)).digest('hex').slice(0, 16);
}

/** JSON whose keys are in order, so that equal values have equal texts. */
export function sorted(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** A span of time in the largest unit that says it exactly. */
export function span(ms: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
  ] as const;
  const [unit, size] = units.find(([, each]) => ms >= each && ms % each === 0) ?? ['ms', 1];
  return ms === 0 ? 'none' : `${ms / size}${unit}`;
}

/** How a schedule is called in messages: `shop backup daily_full`. */
export function titleOf({ cluster, kind, name }: Pick<ScheduleWish, 'cluster' | 'kind' | 'name'>): string {
  return [cluster, kind, ...(name === undefined ? [] : [name])].join(' ');
}
