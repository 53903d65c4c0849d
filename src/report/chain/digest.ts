import { createHash } from 'node:crypto';

/** Evidence as it lies in its file: whatever fields it has, also such as this pgdrill does not know, are under its digest. */
export type RawEvidence = Record<string, unknown>;

/**
 * The SHA-256 of an evidence, in hexadecimal: over its JSON without the field `sha256`, keys sorted in every object, no white space, UTF-8
 * (docs/evidence.md). `previous` is under it: whoever changes one has to change all that follow.
 */
export function digestOf(evidence: RawEvidence): string {
  const rest = Object.fromEntries(Object.entries(evidence).filter(([name]) => name !== 'sha256'));
  return createHash('sha256')
    .update(JSON.stringify(sorted(rest)), 'utf8')
    .digest('hex');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, each]) => [name, sorted(each)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
