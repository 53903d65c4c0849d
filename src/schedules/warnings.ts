import type { Configuration } from '../schema/configuration.js';
import { parseDurationMs } from '../schema/primitives.js';
import { calendarOf } from './cron.js';
import type { NamedPolicy } from './precedence.js';
import { offsetsOf } from './zone.js';

/** What is allowed in the schedules of a configuration, and probably not meant: sentences. */
export function scheduleWarnings({ clusters }: Configuration): string[] {
  return Object.entries(clusters).flatMap(([cluster, { policies }]) => {
    const all = Object.entries(policies)
      .map(([name, policy]) => ({ name, policy }))
      .filter(({ policy }) => policy.enabled);
    return [...withoutFull(cluster, all), ...keptLonger(cluster, all), ...acrossZones(cluster, all)];
  });
}

function withoutFull(cluster: string, all: readonly NamedPolicy[]): string[] {
  if (all.length === 0 || all.some(isFull)) return [];
  return [
    `${cluster} has no policy of type full or synthetic: the first backup becomes one, and all later ones build on it, so nothing of that chain can ever expire. Add one, such as once a week.`,
  ];
}

/** A backup that builds on others keeps them alive: retention goes by chain. */
function keptLonger(cluster: string, all: readonly NamedPolicy[]): string[] {
  const fulls = all.filter(isFull);
  // Which full an incremental builds on is a matter of when it was taken: any of them.
  const [shortest] = [...fulls].sort((a, b) => keepMs(a) - keepMs(b));
  if (shortest === undefined) return [];
  return all
    .filter((each) => !isFull(each) && keepMs(each) > keepMs(shortest))
    .map(
      ({ name, policy }) =>
        `${cluster}: ${name} is kept for ${policy.keep}, the fulls that it builds on for ${shortest.policy.keep} (${shortest.name}). The fulls are kept as long as it needs them; that takes their room for ${policy.keep}.`,
    );
}

/** In one time zone the stronger wins; across two, Temporal cannot leave the weaker one out. */
function acrossZones(cluster: string, all: readonly NamedPolicy[]): string[] {
  return all.flatMap((one, index) =>
    all
      .slice(index + 1)
      .filter((other) => other.policy.time_zone !== one.policy.time_zone && sameMinutes(one, other))
      .map(
        (other) =>
          `${cluster}: ${one.name} (${one.policy.time_zone}) and ${other.name} (${other.policy.time_zone}) can start in the same minute. In one time zone the weaker would be left out; so one waits for the other. Give them one time zone.`,
      ),
  );
}

/** Whether some minute of the day is one of both, at any of the offsets that their zones have in a year. */
function sameMinutes(one: NamedPolicy, other: NamedPolicy): boolean {
  const theirs = new Set(minutesInUtc(other));
  return minutesInUtc(one).some((minute) => theirs.has(minute));
}

function minutesInUtc({ policy }: NamedPolicy): number[] {
  const { hour, minute } = calendarOf(policy.cron);
  return offsetsOf(policy.time_zone).flatMap((offset) =>
    hour.flatMap((each) => minute.map((past) => (each * 60 + past - offset + 2 * 1_440) % 1_440)),
  );
}

/** Whether a chain begins with its backups. */
function isFull({ policy }: NamedPolicy): boolean {
  return policy.type === 'full' || policy.type === 'synthetic';
}

function keepMs({ policy }: NamedPolicy): number {
  return parseDurationMs(policy.keep) ?? 0;
}
