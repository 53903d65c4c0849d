import { z } from 'zod';

import { clusterNameSchema, durationSchema } from './primitives.js';
import { targetTextSchema } from './target.js';
import { gateNameSchema } from './workflow-inputs.js';

/** As the catalog has them, not as SQL writes them. */
export const tableNameSchema = z.strictObject({ schema: z.string().min(1), table: z.string().min(1) });
export type TableName = z.infer<typeof tableNameSchema>;

/** What pg_dump writes: for pg_restore, or SQL for psql. */
export const dumpFormatSchema = z.enum(['custom', 'plain']);
export type DumpFormat = z.infer<typeof dumpFormatSchema>;

/** What `extract` is started with. */
export const extractInputSchema = z.strictObject({
  cluster: clusterNameSchema,
  /** The file that is written: absolute, and not there yet. */
  into: z.string().startsWith('/', 'must be an absolute path'),
  database: z.string().min(1),
  /** Without any, the whole database. */
  tables: z.array(tableNameSchema).default([]),
  format: dumpFormatSchema.default('custom'),
  target: targetTextSchema
    .refine((text) => text !== 'fence', 'an extraction has no fence: use latest, or a target of its own')
    .default('latest'),
  /** The sandbox is thrown away: by default nobody is asked. */
  gates: z.array(gateNameSchema).default([]),
  /** As for a recovery. */
  fixGate: z.boolean().default(true),
  gateTimeout: durationSchema.optional(),
});
export type ExtractInput = z.input<typeof extractInputSchema>;

/** The file that an extraction wrote. */
export const extractedSchema = z.object({
  path: z.string(),
  bytes: z.number().nonnegative(),
  sha256: z.string(),
  database: z.string(),
  tables: z.array(tableNameSchema),
  format: dumpFormatSchema,
});
export type Extracted = z.infer<typeof extractedSchema>;
