import { createHash } from 'node:crypto';

import { z } from 'zod';

/** What a value is, as far as expectations and what may be shown are concerned. */
const valueKindSchema = z.enum(['number', 'timestamptz', 'timestamp', 'boolean', 'other']);
type ValueKind = z.infer<typeof valueKindSchema>;

/** What a question was answered with, in the server's own text and with fixed output settings. */
export const answerSchema = z.object({
  rows: z.number().int().nonnegative(),
  columns: z.number().int().nonnegative(),
  /** Of the only column; `other` where there are several. */
  kind: valueKindSchema,
  /** Of one row of one column; null is NULL. Of what may be personal data it is never kept: see `withoutContent`. */
  value: z.string().nullable().optional(),
  /** SHA-256 over types and rows, independent of the order of rows. */
  digest: z.string(),
});
export type Answer = z.infer<typeof answerSchema>;

/** Why there is no answer. */
export const noAnswerSchema = z.object({
  /**
   * `refusal`: the server says that the question cannot be answered. `circumstance`: it speaks of how we came to ask (a timeout, a lock,
   * memory), not of what is there. `damage`: a page or an index is broken.
   */
  cause: z.enum(['refusal', 'circumstance', 'damage']),
  /** A clause: what happened, and what to do where that is known. */
  reason: z.string(),
});
export type NoAnswer = z.infer<typeof noAnswerSchema>;

export const replySchema = z.object({
  answer: z.union([answerSchema, noAnswerSchema]),
  seconds: z.number().nonnegative(),
});
export type Reply = z.infer<typeof replySchema>;

export function isAnswer(answer: Answer | NoAnswer): answer is Answer {
  return 'digest' in answer;
}

/** pg_type.oid of built-in types: the same on every server. */
const kinds = new Map<number, ValueKind>([
  [16, 'boolean'],
  ...[20, 21, 23, 26, 700, 701, 1700].map((oid): [number, ValueKind] => [oid, 'number']),
  [1114, 'timestamp'],
  [1184, 'timestamptz'],
]);

/** @param rows each a list of values as the server's text, null for NULL. */
export function answerOf(typeOids: readonly number[], rows: readonly (readonly (string | null)[])[]): Answer {
  const [only] = rows;
  return {
    rows: rows.length,
    columns: typeOids.length,
    kind: typeOids.length === 1 ? (kinds.get(typeOids[0] ?? 0) ?? 'other') : 'other',
    ...(rows.length === 1 && only?.length === 1 ? { value: only[0] ?? null } : {}),
    digest: createHash('sha256')
      .update(JSON.stringify([typeOids, rows.map((row) => JSON.stringify(row)).sort()]))
      .digest('hex'),
  };
}

/** Whether the answer may be shown: one number, moment or boolean. Anything else may be a person's data. */
function isPlain({ kind, value }: Answer): boolean {
  return value === null || (value !== undefined && kind !== 'other');
}

/** The answer as it may be kept. */
export function withoutContent(answer: Answer): Answer {
  if (isPlain(answer)) return answer;
  const { rows, columns, kind, digest } = answer;
  return { rows, columns, kind, digest };
}

/** The answer for people. */
export function describeAnswer(answer: Answer): string {
  const { rows, columns, value, digest } = answer;
  if (rows === 0) return 'no row';
  if (value === null) return 'NULL';
  if (value !== undefined && isPlain(answer))
    return answer.kind === 'boolean' ? (value === 't' ? 'true' : 'false') : value;
  const size = `${rows} ${rows === 1 ? 'row' : 'rows'} of ${columns} ${columns === 1 ? 'column' : 'columns'}`;
  return `${size} (SHA-256 ${digest.slice(0, 12)}…)`;
}
