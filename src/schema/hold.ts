import { z } from 'zod';

import { clusterNameSchema, instantSchema, lsnSchema } from './primitives.js';

/**
 * Something in the repository that must not be removed, and why: `holds/<id>.json`. Retention, consolidation and whatever else removes
 * backups or WAL has to respect it as long as it lasts.
 */
export const holdSchema = z.object({
  formatVersion: z.literal(1),
  id: z.string(),
  cluster: clusterNameSchema,
  /** Whose it is: a run's, which releases it when it ends, or a person's, who has to. */
  by: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('run'), namespace: z.string(), workflowId: z.string(), runId: z.string() }),
    z.object({ kind: z.literal('person'), name: z.string() }),
  ]),
  reason: z.string(),
  /** Nothing at all may be removed: a restore is being planned, and nobody knows yet what it needs. */
  everything: z.boolean().default(false),
  /** Backups by id; all that they build on is held with them. */
  backups: z.array(z.string()).default([]),
  /** WAL from here on, on this timeline and those that lead to it. */
  wal: z.object({ from: lsnSchema, timeline: z.number().int().positive() }).optional(),
  since: instantSchema,
  /** From then on it holds nothing. A run's hold always has an end, so that none outlives its use for ever. */
  until: instantSchema.optional(),
});
export type Hold = z.infer<typeof holdSchema>;

/** Who it is that holds something, for people. */
export function holderOf({ by }: Pick<Hold, 'by'>): string {
  return by.kind === 'run' ? by.workflowId : by.name;
}
