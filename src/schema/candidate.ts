import { z } from 'zod';

import { instantSchema, lsnSchema } from './primitives.js';

/** A relation that a statement hit. */
export const hitRelationSchema = z.object({
  tablespace: z.number().int(),
  /** Oid of its database. */
  database: z.number().int(),
  /** What its file was called before the statement. */
  filenode: z.number().int(),
  /** `schema.table in database`, where the newest full backup or the source knows it. */
  name: z.string().optional(),
  /** Rows deleted or updated; of what was dropped or truncated the WAL does not tell. */
  rows: z.number().int().positive().optional(),
  /** Of the pages with those rows; of what was dropped or truncated: as large as it is in the newest full backup that has it. */
  bytes: z.number().nonnegative().optional(),
});
export type HitRelation = z.infer<typeof hitRelationSchema>;

export const candidateKindSchema = z.enum(['drop database', 'drop', 'truncate', 'delete', 'update']);
export type CandidateKind = z.infer<typeof candidateKindSchema>;

/** A committed transaction that took much away: perhaps the statement that somebody wishes undone. */
export const candidateSchema = z.object({
  /** As the 32 bits that WAL holds: what `recovery_target_xid` takes. */
  xid: z.number().int().positive(),
  /** The gravest of what it did, in the order of `candidateKindSchema`. */
  kind: candidateKindSchema,
  /** By the source's clock. */
  committedAt: instantSchema,
  /** Where its commit record begins. Recovery that stops there (`recovery_target_inclusive = off`) has all that was committed before. */
  lsn: lsnSchema,
  relations: z.array(hitRelationSchema),
});
export type Candidate = z.infer<typeof candidateSchema>;
