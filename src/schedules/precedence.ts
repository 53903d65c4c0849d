import { parseDurationMs } from '../schema/primitives.js';
import type { PolicyConfiguration } from '../schema/policy.js';
import { coincide } from './coincide.js';
import { calendarOf } from './cron.js';

/** A policy with its name. */
export interface NamedPolicy {
  name: string;
  policy: PolicyConfiguration;
}

const strength = { full: 3, synthetic: 2, differential: 1, incremental: 0 } as const;

/**
 * The policies that a policy steps back for: those that start in one of its minutes and give more. A full makes the incremental of the same
 * minute redundant, and two backups at once would only wait for each other. Among equals, the one that is kept longer wins (a monthly full
 * beside daily ones), then the one that stands first.
 *
 * Only those in its own time zone: Temporal excludes times from a schedule in the schedule's zone. And only those that are switched on.
 */
export function stepsBackFor(mine: NamedPolicy, all: readonly NamedPolicy[]): NamedPolicy[] {
  const calendar = calendarOf(mine.policy.cron);
  return all.filter(
    (other) =>
      other.name !== mine.name &&
      other.policy.enabled &&
      other.policy.time_zone === mine.policy.time_zone &&
      outranks(other, mine, all) &&
      coincide(calendar, calendarOf(other.policy.cron)),
  );
}

function outranks(other: NamedPolicy, mine: NamedPolicy, all: readonly NamedPolicy[]): boolean {
  const stronger = strength[other.policy.type] - strength[mine.policy.type];
  if (stronger !== 0) return stronger > 0;
  const longer = (parseDurationMs(other.policy.keep) ?? 0) - (parseDurationMs(mine.policy.keep) ?? 0);
  return longer === 0 ? all.indexOf(other) < all.indexOf(mine) : longer > 0;
}
