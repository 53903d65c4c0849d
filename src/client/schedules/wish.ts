import { shortestIntervalMs } from '../../schedules/coincide.js';
import { calendarOf } from '../../schedules/cron.js';
import { parseDurationMs } from '../../schema/primitives.js';

export type ScheduleKind = 'backup' | 'drill' | 'sabotage' | 'retention' | 'verify';

/** A schedule as the configuration wants it. Data only: src/client/schedules/to-temporal.ts makes a Temporal Schedule of it. */
export interface ScheduleWish {
  /** `pgdrill-<cluster>-<kind>-<name>`, or `pgdrill-<cluster>-<kind>` where a cluster has only one. */
  id: string;
  cluster: string;
  kind: ScheduleKind;
  /** Absent where a cluster has only one of its kind. */
  name?: string;
  workflowType: string;
  /** Temporal appends the time: `backup-shop-daily_full-2026-11-22T02:00:00Z`. */
  workflowId: string;
  /** The workflow's one argument. */
  input: Record<string, unknown>;
  /** What the Web UI shows beside the run. */
  summary: string;
  cron: string;
  timeZone: string;
  jitterMs: number;
  catchUpMs: number;
  /** Cron expressions, in the same time zone, whose times are left out, and the name of the schedule that starts then. */
  except: { name: string; cron: string }[];
  pauseOnFailure: boolean;
  enabled: boolean;
}

/** The keys that every schedule of the configuration has (src/schema/schedule.ts). */
export interface ConfiguredTimes {
  cron: string;
  time_zone: string;
  jitter: string;
  catch_up?: string | undefined;
  enabled: boolean;
}

/** Starting a day's work half a day late is no longer what its hour was chosen for. */
const longestDefaultCatchUpMs = 12 * 3_600_000;

/**
 * The part of a wish that comes from `cron`, `time_zone`, `jitter`, `catch_up` and `enabled`.
 *
 * Catch-up: Temporal's own default is a year, so that a server that was down for a weekend would start with what was due on Friday. What is
 * made up for by default is what the next start does not make up for itself.
 */
export function timesOf(
  configured: ConfiguredTimes,
): Pick<ScheduleWish, 'cron' | 'timeZone' | 'jitterMs' | 'catchUpMs' | 'enabled'> {
  const interval = shortestIntervalMs(calendarOf(configured.cron));
  return {
    cron: configured.cron,
    timeZone: configured.time_zone,
    jitterMs: durationMs(configured.jitter),
    catchUpMs:
      configured.catch_up === undefined ? Math.min(interval, longestDefaultCatchUpMs) : durationMs(configured.catch_up),
    enabled: configured.enabled,
  };
}

/** The part of a wish that names it. */
export function namesOf(
  cluster: string,
  kind: ScheduleKind,
  name?: string,
): Pick<ScheduleWish, 'id' | 'cluster' | 'kind' | 'name'> {
  const id = ['pgdrill', cluster, kind, ...(name === undefined ? [] : [name])].join('-');
  return { id, cluster, kind, ...(name === undefined ? {} : { name }) };
}

/** The schema has let only durations through. */
function durationMs(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined) throw new TypeError(`not a duration: ${text}`);
  return ms;
}
