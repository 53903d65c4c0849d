import { z } from 'zod';

import { lsnSchema } from './primitives.js';

/** The WAL behind a backup, read record by record before it is replayed. */
export const walReadSchema = z.object({
  from: lsnSchema,
  to: lsnSchema,
  records: z.number().int(),
  bytes: z.number(),
  seconds: z.number(),
});
export type WalRead = z.infer<typeof walReadSchema>;
