/**
 * Microseconds since 1970 of a moment as people and PostgreSQL write it: `2026-11-24 13:16:01.123456+00`, ISO 8601 too. JavaScript's own
 * dates would cut off the microseconds.
 *
 * @returns undefined where the text is no moment: no time zone, `infinity`, years that need more than four digits.
 */
export function parseMoment(text: string): bigint | undefined {
  const match =
    /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,6}))?\s?(Z|UTC|([+-])(\d\d)(?::?(\d\d))?(?::?(\d\d))?)$/.exec(
      text.trim(),
    );
  if (match === null) return undefined;
  const [, day = '', clock = '', fraction = '', , sign = '+', hours = '0', minutes = '0', seconds = '0'] = match;
  const ms = Date.parse(`${day}T${clock}Z`);
  if (Number.isNaN(ms)) return undefined;
  const offset = (Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)) * (sign === '-' ? -1 : 1);
  return BigInt(ms) * 1_000n + BigInt(fraction.padEnd(6, '0')) - BigInt(offset) * 1_000_000n;
}
