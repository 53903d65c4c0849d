import { z } from 'zod';

import { lsnSchema } from './primitives.js';

/** What the control file of a restored cluster must say, known before it was started: kept in the sandbox's record. */
export const controlExpectationSchema = z.object({
  /** The last backup of the chain. */
  backup: z.string(),
  systemIdentifier: z.string(),
  dataChecksums: z.boolean(),
  /** Recovery cannot have stopped before. */
  backupEndLsn: lsnSchema,
  /** Next transaction, as the backup's own control file had it. */
  nextXid: z.string(),
  /** The timeline that was replayed to its target; promotion left it. */
  targetTimeline: z.number().int(),
  /** `ControlData.format` of the backup. */
  format: z.record(z.string(), z.string()),
});
export type ControlExpectation = z.infer<typeof controlExpectationSchema>;
