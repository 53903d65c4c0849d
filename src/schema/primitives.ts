import { z } from 'zod';

/** A WAL position as PostgreSQL writes it: `16/B374D848` (pg_lsn in the manual). */
export const lsnSchema = z
  .string()
  .regex(/^[0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8}$/, 'must be a WAL position such as 16/B374D848')
  .transform((text) => text.toUpperCase());

/** Names a cluster in file names, workflow ids and metrics: so it is kept plain. */
export const clusterNameSchema = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,40}$/, 'must begin with a letter and hold only a-z, 0-9, _ and - (at most 41 characters)');

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds in a duration such as `90s`, `15m`, `24h`, `7d`; undefined where the text is none. */
export function parseDurationMs(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
  return match === null ? undefined : Number(match[1]) * unitMs[match[2] as keyof typeof unitMs];
}

/** A duration as people write it. Kept as text: it is shown again as it was written. */
export const durationSchema = z
  .string()
  .refine((text) => parseDurationMs(text) !== undefined, 'must be a duration such as 90s, 15m, 24h or 7d');

const byteUnits = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 } as const;

/** Bytes in a size such as `64MB` or `1.5 GB`; decimal units, as sizes are shown everywhere. Undefined where the text is none. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?(B|kB|MB|GB|TB)$/.exec(text.trim());
  return match === null ? undefined : Number(match[1]) * byteUnits[match[2] as keyof typeof byteUnits];
}

/** A size as people write it, at least a byte. */
export const sizeSchema = z
  .string()
  .refine((text) => (parseBytes(text) ?? 0) >= 1, 'must be a size such as 500kB, 64MB or 1.5GB');

/** A moment as ISO 8601 in UTC, from an activity's clock. */
export const instantSchema = z.iso.datetime();
