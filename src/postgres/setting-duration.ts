/** PostgreSQL manual, "Parameter Names and Values": the units of time. */
const unitMs = { us: 0.001, ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;

type Unit = keyof typeof unitMs;

/**
 * A time setting as `current_setting` shows it (`10d`, `90min`, `0`), in milliseconds; undefined where it is none.
 *
 * @param bare the unit of a number without one: the setting's own.
 */
export function settingDurationMs(text: string, bare: Unit): number | undefined {
  const [, number, unit = bare] = /^(-?\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)?$/.exec(text.trim()) ?? [];
  return number === undefined ? undefined : Number(number) * unitMs[unit as Unit];
}
