import { z } from 'zod';

import { clusterNameSchema, lsnSchema } from './primitives.js';

/** What `streamWal` is started with: `{"cluster": "shop"}` is enough. */
export const streamInputSchema = z.strictObject({
  cluster: clusterNameSchema,
  /** WAL is missing between the archive's end and what the source still has: go on behind the gap. */
  acceptGap: z.boolean().default(false),
  /** Of earlier runs of the same stream, handed on when the workflow continues as new. */
  since: z.string().optional(),
});
export type StreamInput = z.input<typeof streamInputSchema>;

/** What the signal `stop` carries. */
export const stopStreamSchema = z.strictObject({ dropSlot: z.boolean().default(true), by: z.string().default('') });
export type StopStream = z.input<typeof stopStreamSchema>;

/** The replication slot as it was when a stream began. */
export const preparedStreamSchema = z.object({
  slot: z.string(),
  created: z.boolean(),
  /** Where streaming goes on: the end of what the archive holds; undefined in an empty one. */
  fromLsn: lsnSchema.optional(),
  warnings: z.array(z.string()),
});
export type PreparedStream = z.infer<typeof preparedStreamSchema>;

/** How one stretch of streaming ended. */
export interface StreamStretch {
  receivedLsn?: string;
  /** How often pg_receivewal had to be started. */
  starts: number;
}

/** What a stream leaves when it is stopped. */
export interface StreamResult {
  cluster: string;
  slot: string;
  slotDropped: boolean;
  stoppedBy: string;
  receivedLsn?: string;
}
