import {
  type CalendarSpec,
  type CalendarSpecDescription,
  DAYS_OF_WEEK,
  MONTHS,
  type Range,
  type ScheduleDescription,
  type ScheduleOptions,
  ScheduleOverlapPolicy,
} from '@temporalio/client';

import { type Calendar, calendarOf, cronOf, rangesOf } from '../../schedules/cron.js';
import { type Facets, markOf, sorted, span } from './facets.js';
import type { ScheduleKind, ScheduleWish } from './wish.js';

/** Whose a schedule is. In its memo, which nobody can change afterwards. */
export interface Identity {
  taskQueue: string;
  cluster: string;
  kind: ScheduleKind;
  name?: string;
}

/** What was applied last. In the memo of the action, which can be changed and is shown with each run. */
interface Applied {
  mark: string;
  enabled: boolean;
}

/** The note of a schedule that the configuration switches off; by it, it is told from one that a person paused. */
export const switchedOffNote = 'Switched off in the configuration (enabled: false).';

/** A schedule as Temporal has it. */
export interface ActualSchedule {
  id: string;
  /** Undefined where pgdrill did not make it. */
  identity?: Identity;
  facets: Facets;
  applied?: Applied;
  paused: boolean;
  note: string;
}

export function identityOf({ cluster, kind, name }: ScheduleWish, taskQueue: string): Identity {
  return { taskQueue, cluster, kind, ...(name === undefined ? {} : { name }) };
}

/** What Temporal is to be told. */
export function toTemporal(wish: ScheduleWish, taskQueue: string): ScheduleOptions {
  const applied: Applied = { mark: markOf(facetsOfWish(wish, taskQueue)), enabled: wish.enabled };
  return {
    scheduleId: wish.id,
    spec: {
      calendars: [calendarSpec(wish.cron)],
      // A time that a stronger schedule starts at: Temporal leaves it out, and shows that in its list of next starts.
      skip: wish.except.map(({ cron }) => calendarSpec(cron)),
      timezone: wish.timeZone,
      jitter: wish.jitterMs,
    },
    action: {
      type: 'startWorkflow',
      workflowType: wish.workflowType,
      workflowId: wish.workflowId,
      taskQueue,
      args: [wish.input],
      staticSummary: wish.summary,
      memo: { pgdrill: applied },
      // No time-out: a run that is cut off leaves things behind. What waits for people or locks is bounded by its own workflow.
    },
    policies: {
      // Two of the same at once would only wait for each other, and a queue of late ones helps nobody.
      overlap: ScheduleOverlapPolicy.SKIP,
      catchupWindow: wish.catchUpMs,
      pauseOnFailure: wish.pauseOnFailure,
    },
    memo: { madeBy: 'pgdrill', ...identityOf(wish, taskQueue) },
    state: wish.enabled ? { paused: false } : { paused: true, note: switchedOffNote },
  };
}

export function facetsOfWish(wish: ScheduleWish, taskQueue: string): Facets {
  return {
    cron: cronOf(calendarOf(wish.cron)),
    'time zone': wish.timeZone,
    except: wish.except
      .map(({ cron }) => cronOf(calendarOf(cron)))
      .sort()
      .join('; '),
    jitter: span(wish.jitterMs),
    'catch-up': span(wish.catchUpMs),
    overlap: ScheduleOverlapPolicy.SKIP,
    'pause on failure': wish.pauseOnFailure ? 'yes' : 'no',
    workflow: wish.workflowType,
    'workflow id': wish.workflowId,
    'task queue': taskQueue,
    input: sorted([wish.input]),
    limits: '',
  };
}

/** Reads what Temporal has. */
export function fromTemporal(described: ScheduleDescription): ActualSchedule {
  const { scheduleId, spec, action, policies, state, memo } = described;
  const applied = action.memo?.['pgdrill'] as Applied | undefined;
  const times = [
    ...(spec.calendars ?? []).map(cronOfSpec),
    ...(spec.intervals ?? []).map(
      ({ every, offset }) => `every ${span(every)}${offset === 0 ? '' : ` from ${span(offset)}`}`,
    ),
  ];
  const limits = [
    ...(spec.startAt === undefined ? [] : [`from ${spec.startAt.toISOString()}`]),
    ...(spec.endAt === undefined ? [] : [`until ${spec.endAt.toISOString()}`]),
    ...(state.remainingActions === undefined ? [] : [`${state.remainingActions} starts left`]),
  ];
  return {
    id: scheduleId,
    ...(memo?.['madeBy'] === 'pgdrill' ? { identity: readIdentity(memo) } : {}),
    facets: {
      cron: times.sort().join('; '),
      'time zone': spec.timezone === undefined || spec.timezone === '' ? 'UTC' : spec.timezone,
      except: (spec.skip ?? []).map(cronOfSpec).sort().join('; '),
      jitter: span(spec.jitter ?? 0),
      'catch-up': span(policies.catchupWindow),
      overlap: String(policies.overlap),
      'pause on failure': policies.pauseOnFailure ? 'yes' : 'no',
      workflow: action.workflowType,
      'workflow id': action.workflowId,
      'task queue': action.taskQueue,
      input: sorted(action.args ?? []),
      limits: limits.join(', '),
    },
    ...(applied === undefined ? {} : { applied }),
    paused: state.paused,
    note: state.note ?? '',
  };
}

export function readIdentity(memo: Record<string, unknown>): Identity {
  const { taskQueue, cluster, kind, name } = memo as unknown as Identity;
  return { taskQueue, cluster, kind, ...(name === undefined ? {} : { name }) };
}

function calendarSpec(cron: string): CalendarSpec {
  const { minute, hour, dayOfMonth, month, dayOfWeek } = calendarOf(cron);
  return {
    second: 0,
    minute: rangesOf(minute).map(withStep),
    hour: rangesOf(hour).map(withStep),
    dayOfMonth: rangesOf(dayOfMonth).map(withStep),
    month: rangesOf(month).map(({ start, end }) => ({ start: monthName(start), end: monthName(end), step: 1 })),
    dayOfWeek: rangesOf(dayOfWeek).map(({ start, end }) => ({ start: dayName(start), end: dayName(end), step: 1 })),
    comment: cron,
  };
}

function withStep(range: { start: number; end: number }): Range<number> {
  return { ...range, step: 1 };
}

function monthName(number: number): (typeof MONTHS)[number] {
  return MONTHS[number - 1] ?? 'JANUARY';
}

function dayName(number: number): (typeof DAYS_OF_WEEK)[number] {
  return DAYS_OF_WEEK[number] ?? 'SUNDAY';
}

/** Seconds and years, which only people can have put there, are shown beside the cron expression. */
function cronOfSpec(spec: CalendarSpecDescription): string {
  const calendar: Calendar = {
    minute: values(spec.minute, Number),
    hour: values(spec.hour, Number),
    dayOfMonth: values(spec.dayOfMonth, Number),
    month: values(spec.month, (name) => MONTHS.indexOf(name) + 1),
    dayOfWeek: values(spec.dayOfWeek, (name) => DAYS_OF_WEEK.indexOf(name)),
  };
  const seconds = values(spec.second, Number).join();
  const years = values(spec.year, Number).join();
  return `${cronOf(calendar)}${seconds === '0' ? '' : ` at second ${seconds}`}${years === '' ? '' : ` in ${years}`}`;
}

/** Each value that the ranges hold, in order. An end before the start, or a step below 1, mean none (Temporal's API, `Range`). */
function values<Unit>(ranges: readonly Range<Unit>[], numberOf: (unit: Unit) => number): number[] {
  const found = new Set<number>();
  for (const range of ranges) {
    const start = numberOf(range.start);
    const end = Math.max(start, numberOf(range.end));
    for (let value = start; value <= end; value += Math.max(1, range.step)) found.add(value);
  }
  return [...found].sort((a, b) => a - b);
}
