import type { Calendar } from './cron.js';

// Dates and days of the week come back after 28 years (until 2100, which is no leap year).
const firstDay = Date.UTC(2001, 0, 1);
const cycleDays = 28 * 365 + 7;
const dayMs = 86_400_000;

/** Days of the cycle on which it starts, counted from the first. */
function daysOf({ dayOfMonth, month, dayOfWeek }: Calendar): number[] {
  const [inMonth, months, inWeek] = [new Set(dayOfMonth), new Set(month), new Set(dayOfWeek)];
  const days: number[] = [];
  for (let day = 0; day < cycleDays; day++) {
    const date = new Date(firstDay + day * dayMs);
    if (inMonth.has(date.getUTCDate()) && months.has(date.getUTCMonth() + 1) && inWeek.has(date.getUTCDay()))
      days.push(day);
  }
  return days;
}

function minutesOf({ minute, hour }: Calendar): number[] {
  return hour.flatMap((each) => minute.map((past) => each * 60 + past));
}

/** Whether two ever start in the same minute, in one time zone. */
export function coincide(a: Calendar, b: Calendar): boolean {
  const [minutes, days] = [new Set(minutesOf(b)), new Set(daysOf(b))];
  return minutesOf(a).some((minute) => minutes.has(minute)) && daysOf(a).some((day) => days.has(day));
}

/** Whether each start of `calendar` is one of the others' too, in one time zone: alone it would never start. */
export function isCovered(calendar: Calendar, others: readonly Calendar[]): boolean {
  if (others.length === 0) return false;
  const theirs = others.map((other) => ({ days: new Set(daysOf(other)), minutes: minutesOf(other) }));
  const wanted = minutesOf(calendar);
  // Days on which the same of the others start are alike: each kind of day is looked at once.
  const known = new Map<string, boolean>();
  return daysOf(calendar).every((day) => {
    const present = theirs.filter(({ days }) => days.has(day));
    const key = theirs.map(({ days }) => (days.has(day) ? '1' : '0')).join('');
    const seen = known.get(key);
    if (seen !== undefined) return seen;
    const minutes = new Set(present.flatMap((other) => other.minutes));
    const covered = wanted.every((minute) => minutes.has(minute));
    known.set(key, covered);
    return covered;
  });
}

/** The shortest time between two starts, in milliseconds. A change to summer time may make it an hour less. */
export function shortestIntervalMs(calendar: Calendar): number {
  const minutes = minutesOf(calendar);
  const days = daysOf(calendar);
  const last = minutes.at(-1) ?? 0;
  const withinDay = minutes.slice(1).map((minute, index) => minute - (minutes[index] ?? 0));
  const nextDays = [...days.slice(1), (days[0] ?? 0) + cycleDays];
  const dayGap = nextDays.reduce((least, day, index) => Math.min(least, day - (days[index] ?? 0)), Infinity);
  const overnight = dayGap * 1_440 - last + (minutes[0] ?? 0);
  return withinDay.reduce((least, gap) => Math.min(least, gap), overnight) * 60_000;
}
