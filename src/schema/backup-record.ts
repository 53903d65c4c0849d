import { z } from 'zod';

import { replicationSchema } from './hand-over.js';
import { mendedMapSchema } from './mended-map.js';
import { clusterNameSchema, instantSchema, lsnSchema } from './primitives.js';

/**
 * What the repository knows of one backup: `record.json` beside its files, written last. A backup without a record does not exist.
 * LSNs come from the backup manifest, never from a clock or a query beside the backup.
 */
export const backupRecordSchema = z.object({
  formatVersion: z.literal(1),
  id: z.string(),
  cluster: clusterNameSchema,
  type: z.enum(['full', 'incremental', 'differential']),
  /** The type that was asked for, and why another was taken. */
  requestedType: z.enum(['full', 'incremental', 'differential']),
  fallbackReason: z.string().optional(),
  /** Whose files were copied; absent: the primary's. */
  takenFrom: z.literal('standby').optional(),
  /** The policy of the configuration that it was taken for; absent where somebody asked for it. */
  policy: z.string().optional(),
  /** The backup that this one builds on; absent for a full. Of a differential it is a full one. */
  parent: z.string().optional(),
  /** For a full that was made of a chain in the repository: the chain. Its times and LSNs are those of the last of them. */
  consolidatedFrom: z.array(z.string()).min(2).optional(),
  consolidatedAt: instantSchema.optional(),
  /** Visibility maps that came out of that chain wrong, and were mended. */
  mended: z.array(mendedMapSchema).optional(),
  /**
   * Why the link to the parent cannot be trusted (docs/postgresql-incremental-faults.md), as sentences: no restore uses this backup and
   * none builds on it.
   */
  unsafe: z.array(z.string()).min(1).optional(),
  systemIdentifier: z.string(),
  timeline: z.number().int().positive(),
  startLsn: lsnSchema,
  /** Recovery is consistent from here on. */
  endLsn: lsnSchema,
  startedAt: instantSchema,
  finishedAt: instantSchema,
  durationMs: z.number().nonnegative(),
  sizeBytes: z.number().nonnegative(),
  /** How large the data directory becomes when the chain is combined; absent in records of earlier pgdrills. */
  restoredBytes: z.number().nonnegative().optional(),
  serverVersion: z.string(),
  serverVersionNumber: z.number().int(),
  walSegmentSizeBytes: z.number().int().positive(),
  dataChecksums: z.boolean(),
  /** Settings of the source that matter for a restore. */
  settings: z.record(z.string(), z.string()),
  /** Who replicated from it; absent in records of earlier pgdrills. */
  replication: replicationSchema.optional(),
  /** The bootstrap superuser's name (oid 10): the one role that every restored cluster has. */
  superuser: z.string(),
  /** Tablespaces outside the data directory: where they were, and where their files lie below the backup. */
  tablespaces: z.array(
    z.object({ oid: z.number().int(), name: z.string(), location: z.string(), directory: z.string() }),
  ),
  manifestSha256: z.string(),
  /** The step of the workflow that took it: a retry finds its finished work by this. */
  operation: z.string(),
});
export type BackupRecord = z.infer<typeof backupRecordSchema>;
