import { z } from 'zod';

import { lsnSchema } from './primitives.js';
import { targetForms } from './vocabulary.js';

/** Where recovery stops. `fence` exists only in drills: it is the LSN at which content is compared with the source. */
export type Target = { kind: 'fence' } | (Place & OnTimeline);

type Place =
  | { kind: 'latest' }
  | { kind: 'immediate' }
  | { kind: 'time'; time: string }
  | { kind: 'lsn'; lsn: string }
  | { kind: 'name'; name: string }
  | { kind: 'xid'; xid: string }
  /** Just before that transaction's commit: all that was committed earlier, and nothing of it. */
  | { kind: 'before-xid'; xid: string };

interface OnTimeline {
  /** Which timeline recovery follows; where absent, the newest one. Needed for what a failover left behind. */
  timeline?: number;
}

// A time without a zone means another moment on every server: it is refused.
const timeWithZone = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)? ?(Z|UTC|[+-]\d\d(:?\d\d)?)$/;

/**
 * Reads a target as it is written on the command line and in workflow inputs: `time=2026-11-22 02:00:00+00`, `latest,timeline=1`.
 *
 * @returns the target, or a sentence that says what is wrong with it.
 */
export function parseTarget(text: string): Target | string {
  // The last one counts: a restore point may be called so, too.
  const [, place, timelineText] = /^(.*),\s*timeline=(.*)$/s.exec(text) ?? [];
  if (place === undefined || timelineText === undefined) return parsePlace(text);
  const timeline = /^\d{1,10}$/.test(timelineText.trim()) ? Number(timelineText) : 0;
  if (timeline < 1 || timeline > 0xffff_ffff) {
    return `target timeline "${timelineText}" must be the number of a timeline, such as 1`;
  }
  const target = parsePlace(place);
  if (typeof target === 'string') return target;
  return target.kind === 'fence'
    ? 'target fence takes no timeline: it is always taken on the one that the source is on'
    : { ...target, timeline };
}

function parsePlace(text: string): Target | string {
  const [kind, ...rest] = text.split('=');
  const value = rest.join('=').trim();
  if (kind === 'fence' || kind === 'latest' || kind === 'immediate') {
    return rest.length === 0 ? { kind } : `target ${kind} takes no value`;
  }
  if (value === '') return `target "${text}" is none of ${targetForms}`;
  switch (kind) {
    case 'time': {
      if (!timeWithZone.test(value)) {
        return `target time "${value}" must be a date and time with a time zone, such as 2026-11-22 02:00:00+00`;
      }
      return Number.isNaN(timeTargetMs(value))
        ? `target time "${value}" is no moment on the calendar`
        : { kind, time: value };
    }
    case 'lsn': {
      const lsn = lsnSchema.safeParse(value);
      return lsn.success ? { kind, lsn: lsn.data } : `target lsn "${value}" must be a WAL position such as 16/B374D848`;
    }
    case 'name':
      // PostgreSQL cuts restore point names at MAXFNAMELEN - 1 (xlog_internal.h).
      return value.length <= 63 ? { kind, name: value } : `target name "${value}" is longer than 63 characters`;
    case 'xid':
    case 'before-xid':
      return /^\d{1,20}$/.test(value)
        ? { kind, xid: value }
        : `target ${kind} "${value}" must be a transaction id (a number)`;
    default:
      return `target "${text}" is none of ${targetForms}`;
  }
}

/** A time target in milliseconds since 1970, NaN where it is none. */
export function timeTargetMs(time: string): number {
  const [, day, clock, zone] = /^(\S{10})[T ](\S+?) ?(Z|UTC|[+-]\d\d(?::?\d\d)?)$/.exec(time) ?? [];
  if (day === undefined || clock === undefined || zone === undefined) return Number.NaN;
  const offset =
    zone === 'UTC' ? 'Z' : /^[+-]\d\d$/.test(zone) ? `${zone}:00` : zone.replace(/^([+-]\d\d)(\d\d)$/, '$1:$2');
  const [hoursMinutesSeconds, fraction = ''] = clock.split('.');
  return Date.parse(`${day}T${hoursMinutesSeconds ?? ''}${fraction === '' ? '' : `.${fraction.slice(0, 3)}`}${offset}`);
}

/**
 * A time target as PostgreSQL's `recovery_target_time` takes it: that setting is read before the names of time zones are known, so `Z` and
 * `UTC`, which are fine in SQL, keep the server from starting (check_recovery_target_time).
 */
export function recoveryTargetTime(time: string): string {
  return time.replace(/ ?(?:Z|UTC)$/, '+00');
}

/** The target as it is written. */
export function formatTarget(target: Target): string {
  const onTimeline = target.kind === 'fence' || target.timeline === undefined ? '' : `,timeline=${target.timeline}`;
  return `${formatPlace(target)}${onTimeline}`;
}

function formatPlace(target: Target): string {
  switch (target.kind) {
    case 'time':
      return `time=${target.time}`;
    case 'lsn':
      return `lsn=${target.lsn}`;
    case 'name':
      return `name=${target.name}`;
    case 'xid':
    case 'before-xid':
      return `${target.kind}=${target.xid}`;
    default:
      return target.kind;
  }
}

/** A target in a workflow input: text in, text out, checked. */
export const targetTextSchema = z.string().superRefine((text, context) => {
  const target = parseTarget(text);
  if (typeof target === 'string') context.addIssue({ code: 'custom', message: target });
});
