/** How figures are written for people, everywhere. Decimal units, as disks and networks are sold. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let [value, unit] = [count, 0];
  while (value >= 1_000 && unit < units.length - 1) [value, unit] = [value / 1_000, unit + 1];
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ''}`;
}

export function seconds(value: number): string {
  if (value < 120) return `${value.toFixed(1)} s`;
  const whole = Math.round(value);
  const minutes = Math.floor(whole / 60);
  if (minutes < 120) return `${minutes} min ${whole % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A moment (where it is text: of ISO 8601, in UTC) to the second: 2026-11-24 15:56:55 UTC. */
export function moment(instant: string | Date): string {
  return `${spaced(instant).slice(0, 19)} UTC`;
}

/** A moment to the minute, for what is planned or long past: 2026-11-24 15:56 UTC. */
export function minute(instant: string | Date): string {
  return `${spaced(instant).slice(0, 16)} UTC`;
}

function spaced(instant: string | Date): string {
  return (typeof instant === 'string' ? instant : instant.toISOString()).replace('T', ' ');
}

/** A whole number with thin groups: 1,234,567. */
export function count(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}
