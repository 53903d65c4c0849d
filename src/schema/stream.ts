import { z } from 'zod';

import { clusterNameSchema, lsnSchema } from './primitives.js';

/** What can be wrong with a stream, each by itself: one that is well does not end the other's alarm. */
const alarmSubjectSchema = z.enum(['stream', 'compression']);
export type AlarmSubject = z.infer<typeof alarmSubjectSchema>;

/** How a subject was found; what the signal `found` carries from the activity that watches to its workflow. */
export const foundStreamSchema = z.object({
  subject: alarmSubjectSchema,
  /** A stable word: `ok`, `wal_stream_recovered`, or what is wrong. */
  kind: z.string(),
  severity: z.enum(['info', 'warning', 'critical']),
  message: z.string(),
});
export type FoundStream = z.infer<typeof foundStreamSchema>;

/** What `streamWal` is started with: `{"cluster": "shop"}` is enough. */
export const streamInputSchema = z.strictObject({
  cluster: clusterNameSchema,
  /** WAL is missing between the archive's end and what the source still has: go on behind the gap. */
  acceptGap: z.boolean().default(false),
  /** Of earlier runs of the same stream, handed on when the workflow continues as new. */
  since: z.string().optional(),
  /** What was told of and is not over, handed on in the same way. */
  standing: z.partialRecord(alarmSubjectSchema, z.array(z.string())).optional(),
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
