import { didYouMean } from '../schema/closest.js';

/**
 * Checks the name of a time zone.
 *
 * @returns what is wrong, as a phrase that reads on after "time_zone"; undefined when it is good.
 */
export function checkTimeZone(name: string): string | undefined {
  // Offsets such as +02:00 are known to JavaScript, not to Temporal; `Local` would be the server's own.
  const resolved = /^[A-Za-z][A-Za-z0-9_+/-]*$/.test(name) && name !== 'Local' ? resolve(name) : undefined;
  if (resolved === undefined) {
    const known = ['UTC', ...Intl.supportedValuesOf('timeZone')];
    return `"${name}" is no time zone of the IANA database, such as UTC or Europe/Berlin.${didYouMean(name, known)}`;
  }
  // JavaScript takes any case, and Temporal looks a file up by the name.
  if (resolved !== name && resolved.toLowerCase() === name.toLowerCase())
    return `"${name}" must be written as "${resolved}".`;
  return undefined;
}

function resolve(name: string): string | undefined {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

/** The offsets from UTC that a time zone has in the course of this year, in minutes: two where it has summer time. */
export function offsetsOf(timeZone: string): number[] {
  const format = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset', year: 'numeric' });
  const months = Array.from({ length: 12 }, (_, month) => Date.UTC(new Date().getUTCFullYear(), month, 1));
  const offsets = months.map((moment) => {
    const name = format.formatToParts(moment).find(({ type }) => type === 'timeZoneName')?.value ?? '';
    const [, sign, hours, minutes] = /GMT([+-])(\d\d):(\d\d)/.exec(name) ?? [];
    return (sign === '-' ? -1 : 1) * (Number(hours ?? 0) * 60 + Number(minutes ?? 0));
  });
  return [...new Set(offsets)];
}
