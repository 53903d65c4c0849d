import { didYouMean } from '../configuration/closest.js';

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
