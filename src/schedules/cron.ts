import { CronPattern } from 'croner';

/** The times that a cron expression names: each field as the sorted values that it allows. */
export interface Calendar {
  minute: number[];
  hour: number[];
  dayOfMonth: number[];
  /** 1 is January. */
  month: number[];
  /** 0 is Sunday. */
  dayOfWeek: number[];
}

/** Croner's mark of a day of the week in each week of the month, and its last; a plain day has all of them. */
const everyWeek = 0b111111;

const daysInMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Reads a cron expression of five fields, as Temporal understands it too (its own additions, such as `@every`, are left out: one way to
 * write a thing is enough).
 *
 * @returns the calendar, or what is wrong as a phrase that reads on after "cron".
 */
export function parseCron(text: string): Calendar | { problem: string } {
  const fields = text.trim().split(/\s+/);
  if (text.trim().startsWith('@')) return { problem: 'must be written out: five fields, such as 0 2 * * *' };
  if (fields.length !== 5) {
    return {
      problem: `must have five fields (minute, hour, day of month, month, day of week; no seconds, no year), and has ${text.trim() === '' ? 0 : fields.length}`,
    };
  }
  const strange = fields.find((field) => !/^[a-z0-9*/,-]+$/i.test(field));
  if (strange !== undefined) return { problem: `holds "${strange}": only numbers, names, * , - and / are taken` };
  let pattern: CronPattern;
  try {
    pattern = new CronPattern(fields.join(' '), undefined, { mode: '5-part' });
  } catch (error) {
    return {
      problem: `is wrong: ${error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error)}`,
    };
  }
  // Croner has these beyond plain cron; Temporal has not.
  if (
    pattern.lastDayOfMonth ||
    pattern.lastWeekday ||
    pattern.nearestWeekdays.some((day) => day !== 0) ||
    pattern.dayOfWeek.some((weeks) => weeks !== 0 && weeks !== everyWeek)
  )
    return { problem: 'holds L or W (last day, nearest weekday), which Temporal does not know' };
  if (!pattern.starDOM && !pattern.starDOW) {
    return {
      problem:
        'names both a day of the month and a day of the week: cron(8) takes either, Temporal only days that are both. Leave one of them *',
    };
  }
  const calendar: Calendar = {
    minute: indexes(pattern.minute, 0),
    hour: indexes(pattern.hour, 0),
    dayOfMonth: indexes(pattern.day, 1),
    month: indexes(pattern.month, 1),
    dayOfWeek: indexes(pattern.dayOfWeek, 0),
  };
  const exists = calendar.month.some((month) =>
    calendar.dayOfMonth.some((day) => day <= (daysInMonth[month - 1] ?? 0)),
  );
  return exists ? calendar : { problem: 'never happens: there is no such day' };
}

/** The calendar of an expression that was checked before. @throws TypeError for a wrong one. */
export function calendarOf(cron: string): Calendar {
  const calendar = parseCron(cron);
  if ('problem' in calendar) throw new TypeError(`cron ${cron} ${calendar.problem}`);
  return calendar;
}

/** A calendar as a cron expression: the shortest that says the same, so that equal calendars have equal texts. */
export function cronOf({ minute, hour, dayOfMonth, month, dayOfWeek }: Calendar): string {
  return [
    fieldOf(minute, 0, 59),
    fieldOf(hour, 0, 23),
    fieldOf(dayOfMonth, 1, 31),
    fieldOf(month, 1, 12),
    fieldOf(dayOfWeek, 0, 6),
  ].join(' ');
}

function fieldOf(values: readonly number[], first: number, last: number): string {
  const [start, second] = values;
  if (start === undefined || values.length === last - first + 1) return '*';
  const step = second === undefined ? 0 : second - start;
  const every = Array.from(
    { length: Math.floor((last - first) / (step || 1)) + 1 },
    (_, index) => first + index * step,
  );
  if (step > 1 && start === first && values.length > 2 && values.join() === every.join()) return `*/${step}`;
  return rangesOf(values)
    .map(({ start: from, end }) => (from === end ? String(from) : `${from}-${end}`))
    .join(',');
}

/** Sorted numbers as runs without gaps. */
export function rangesOf(values: readonly number[]): { start: number; end: number }[] {
  const ranges: { start: number; end: number }[] = [];
  for (const value of values) {
    const last = ranges.at(-1);
    if (last !== undefined && value === last.end + 1) last.end = value;
    else ranges.push({ start: value, end: value });
  }
  return ranges;
}

function indexes(flags: readonly number[], offset: number): number[] {
  return flags.flatMap((flag, index) => (flag === 0 ? [] : [index + offset]));
}
