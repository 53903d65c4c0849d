import { z } from 'zod';

import { keptCheckSchema } from '../../schema/business-check.js';
import { noAnswerSchema, replySchema } from './answer.js';

/** A column of timestamps that leads a B-tree index, and the newest value in it. */
export const newestSchema = z.object({
  database: z.string(),
  schema: z.string(),
  table: z.string(),
  column: z.string(),
  /** Whether it has a time zone: without, nobody can say how old the value is. */
  zoned: z.boolean(),
  /** Null where the column holds nothing. */
  newest: z.union([z.string().nullable(), noAnswerSchema]),
});
export type Newest = z.infer<typeof newestSchema>;

/** What the source answered at the fence, beside its fingerprint. */
export const businessSchema = z.object({
  replies: z.array(
    z.object({ check: keptCheckSchema, reply: replySchema, settings: z.record(z.string(), z.string()) }),
  ),
  newest: z.array(newestSchema),
  /** Columns that were passed over: there were too many. */
  newestLeftOut: z.number().int().nonnegative(),
});
export type Business = z.infer<typeof businessSchema>;
