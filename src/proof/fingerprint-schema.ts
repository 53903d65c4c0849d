import { z } from 'zod';

import { instantSchema, lsnSchema } from '../schema/primitives.js';
import { businessSchema } from './business/business-schema.js';

/**
 * What the source looked like at the fence. It may be large (one entry a table), so between two activities it lies in a
 * JSON file. The sandbox is described in the same shape; `compare.ts` puts the two side by side.
 */

const relationKindSchema = z.enum(['table', 'materialized view', 'large objects']);

/** Where in a relation a difference lies: ranges of blocks as in `ranges.ts`, with what each holds. */
const rangesSchema = z.object({
  blocks: z.int().positive(),
  count: z.int().positive(),
  /** The numbers of the ranges that were read; absent where all were. */
  chosen: z.array(z.int().nonnegative()).optional(),
  /** One entry a range that was read, in their order. */
  readings: z.array(z.object({ rows: z.string().regex(/^\d+$/), hash: z.string().regex(/^-?\d+$/) })),
});

const relationFingerprintSchema = z.object({
  schema: z.string(),
  name: z.string(),
  kind: relationKindSchema,
  /** Exact count of rows, as text: it may exceed what a JSON number holds. */
  rows: z.string().regex(/^\d+$/),
  /** Sum of the rows' 64-bit hashes, as text: independent of their order, dependent on how often each occurs. */
  hash: z.string().regex(/^-?\d+$/),
  sizeBytes: z.number().nonnegative(),
  /** Pages of the table itself, without TOAST. */
  blocks: z.number().nonnegative().optional(),
  /** `record`: every value by its binary form. `text`: at least one column's type has none, and is hashed as it prints. */
  method: z.enum(['record', 'text']),
  /** Of a relation that was read in ranges; `rows` and `hash` are their sums. */
  ranges: rangesSchema.optional(),
  /** Why the content at the snapshot can no longer be known: the table was rewritten, altered or dropped meanwhile. */
  changed: z.string().optional(),
  /** Why it could not be read: privileges, a lock, a timeout, damage. `rows` and `hash` then mean nothing. */
  unreadable: z.object({ code: z.string(), message: z.string() }).optional(),
});
export type RelationFingerprint = z.infer<typeof relationFingerprintSchema>;

const unloggedTableSchema = z.object({
  schema: z.string(),
  name: z.string(),
  /** Only looked at in the sandbox, where it must be true: recovery empties unlogged tables. */
  empty: z.boolean().optional(),
  unreadable: z.string().optional(),
});
export type UnloggedTable = z.infer<typeof unloggedTableSchema>;

const bigintText = z.string().regex(/^-?\d+$/);

const sequenceStateSchema = z.object({
  schema: z.string(),
  name: z.string(),
  lastValue: bigintText,
  isCalled: z.boolean(),
  increment: bigintText,
  cache: bigintText,
  cycle: z.boolean(),
  min: bigintText,
  max: bigintText,
  /** pg_class.relfilenode: RESTART and TRUNCATE … RESTART IDENTITY give a sequence a new one, nextval and setval do not. */
  filenode: z.string(),
});
export type SequenceState = z.infer<typeof sequenceStateSchema>;

const sequenceReadingSchema = z.object({
  /** Where the WAL ended just before the reading began. */
  lsn: lsnSchema,
  states: z.array(sequenceStateSchema),
  /** Sequences whose value the role may not see, with the server's message. */
  unreadable: z.array(z.object({ schema: z.string(), name: z.string(), message: z.string() })),
});
export type SequenceReading = z.infer<typeof sequenceReadingSchema>;

const databaseFingerprintSchema = z.object({
  database: z.string(),
  relations: z.array(relationFingerprintSchema),
  /** Of the source: the reading before the snapshot was taken. Of the sandbox: the only one. */
  sequences: sequenceReadingSchema,
  /** Of the source only: the reading after the fence's restore point. */
  sequencesAfter: sequenceReadingSchema.optional(),
  unlogged: z.array(unloggedTableSchema),
  /** What `dumpSchema` answers. */
  schemaSql: z.string(),
  /** What the policy leaves out: its size by the catalog's estimates, and the patterns that name it. */
  excluded: z
    .array(
      z.object({
        schema: z.string(),
        name: z.string(),
        estimatedBytes: z.number().nonnegative(),
        patterns: z.array(z.string()),
      }),
    )
    .optional(),
  /** `schema.name: reason` of what has no content here that could be compared. */
  notCompared: z.array(z.string()),
});
export type DatabaseFingerprint = z.infer<typeof databaseFingerprintSchema>;

export const clusterFingerprintSchema = z.object({
  formatVersion: z.literal(1),
  /** What was to be read of the content; everything where absent. */
  policy: z
    .object({
      exclude: z.array(z.string()),
      sample: z.object({ percent: z.number(), seed: z.number() }).optional(),
    })
    .optional(),
  takenAt: instantSchema,
  databases: z.array(databaseFingerprintSchema),
  /** What `dumpGlobals` answers; of the source: before the snapshot. */
  globalsSql: z.string(),
  /** Of the source only: the reading after the fence's restore point. */
  globalsSqlAfter: z.string().optional(),
  /** Of the source only: what the business checks were answered with. */
  business: businessSchema.optional(),
});
export type ClusterFingerprint = z.infer<typeof clusterFingerprintSchema>;
