import { isCovered, shortestIntervalMs } from '../schedules/coincide.js';
import { calendarOf, cronOf, parseCron } from '../schedules/cron.js';
import { stepsBackFor } from '../schedules/precedence.js';
import { checkTimeZone } from '../schedules/zone.js';
import { type PolicyConfiguration, policiesSchema, scheduledDrillsSchema } from '../schema/policy.js';
import { parseDurationMs } from '../schema/primitives.js';
import { conflictsWithScenario } from '../schema/scenario.js';
import type { SchemaProblem } from './issue-text.js';
import type { KeyPath } from './yaml-source.js';

/** Temporal takes no shorter catch-up window. */
const leastCatchUpMs = 10_000;

/** Where a cluster has schedules: one by name, or a single one. */
const named = ['policies', 'drills'];
const single = ['sabotage', 'retention', 'verify'];

/**
 * Checks the schedules of a cluster beyond what the schema can: cron expressions, time zones, jitter, catch-up, and policies that get in each
 * other's way. Works on the raw data, like content-check.ts.
 */
export function checkSchedules(clusterPath: string[], cluster: unknown): SchemaProblem[] {
  const problems: SchemaProblem[] = [];
  for (const key of named)
    for (const [name, schedule] of entries(field(cluster, key)))
      problems.push(...checkOne([...clusterPath, key, name], schedule));
  for (const key of single) problems.push(...checkOne([...clusterPath, key], field(cluster, key)));
  for (const [name, drill] of entries(field(cluster, 'drills'))) {
    const asked = scheduledDrillsSchema.safeParse({ [name]: drill }).data?.[name];
    for (const { key, text } of asked === undefined ? [] : conflictsWithScenario(asked))
      problems.push({ path: [...clusterPath, 'drills', name, key], text: `${text}.` });
  }
  const policies = policiesSchema.safeParse(field(cluster, 'policies'));
  if (problems.length === 0 && policies.success) problems.push(...checkTogether(clusterPath, policies.data));
  return problems;
}

function checkOne(path: KeyPath, schedule: unknown): SchemaProblem[] {
  const problems: SchemaProblem[] = [];
  const add = (key: string, text: string): void => void problems.push({ path: [...path, key], text });
  const zone = field(schedule, 'time_zone');
  const wrongZone = typeof zone === 'string' ? checkTimeZone(zone) : undefined;
  if (wrongZone !== undefined) add('time_zone', wrongZone);
  const keep = duration(schedule, 'keep');
  if (keep === 0) add('keep', 'must be longer than nothing.');
  const catchUp = duration(schedule, 'catch_up');
  if (catchUp !== undefined && catchUp < leastCatchUpMs)
    add('catch_up', 'must be at least 10s: Temporal takes no less.');
  const cron = field(schedule, 'cron');
  if (typeof cron !== 'string' || cron === '') return problems;
  const calendar = parseCron(cron);
  if ('problem' in calendar) {
    add('cron', `${calendar.problem}; "${cron}" was given.`);
    return problems;
  }
  const jitter = duration(schedule, 'jitter');
  const interval = shortestIntervalMs(calendar);
  if (jitter !== undefined && jitter >= interval)
    add(
      'jitter',
      `is as long as the time between two starts (${minutes(interval)}) or longer: starts would overtake each other.`,
    );
  return problems;
}

/** Policies of one cluster that make each other pointless. */
function checkTogether(clusterPath: string[], policies: Record<string, PolicyConfiguration>): SchemaProblem[] {
  const all = Object.entries(policies).map(([name, policy]) => ({ name, policy }));
  const timesOf = ({ policy }: (typeof all)[number]): string =>
    `${cronOf(calendarOf(policy.cron))} ${policy.time_zone}`;
  return all.flatMap((mine, index) => {
    const path = [...clusterPath, 'policies', mine.name, 'cron'];
    const twin = all
      .slice(0, index)
      .find((other) => other.policy.type === mine.policy.type && timesOf(other) === timesOf(mine));
    if (twin !== undefined)
      return [{ path, text: `is the time of ${twin.name}, which is ${mine.policy.type} too: one of them is enough.` }];
    const stronger = stepsBackFor(mine, all);
    if (
      !isCovered(
        calendarOf(mine.policy.cron),
        stronger.map(({ policy }) => calendarOf(policy.cron)),
      )
    )
      return [];
    const names = stronger.map(({ name, policy }) => `${name} (${policy.type})`).join(', ');
    return [
      {
        path,
        text: `names only times at which ${names} starts, too. That makes it redundant, so it would never be taken.`,
      },
    ];
  });
}

function minutes(ms: number): string {
  const count = Math.round(ms / 60_000);
  if (count % 1_440 === 0) return `${count / 1_440}d`;
  return count % 60 === 0 ? `${count / 60}h` : `${count}m`;
}

function duration(schedule: unknown, key: string): number | undefined {
  const value = field(schedule, key);
  return typeof value === 'string' ? parseDurationMs(value) : undefined;
}

function entries(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

function field(value: unknown, key: string): unknown {
  return entries(value).find(([name]) => name === key)?.[1];
}
