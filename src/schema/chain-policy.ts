import { z } from 'zod';

/** When a chain is long or heavy enough to begin anew, though it could go on. */
export const chainPolicySchema = z
  .strictObject({
    max_length: z
      .int()
      .min(1)
      .max(1_000)
      .default(50)
      .describe(
        'The most backups in a chain, its full one included. A chain is as weak as its weakest link: 50 is two days of hourly incrementals, so that one full backup that was missed does no harm. 1: every backup is a full one.',
      ),
    max_share: z
      .number()
      .gt(0)
      .max(100)
      .default(1)
      .describe(
        'How large the incrementals of a chain may become together (for a differential: the last one), as a multiple of their full backup. At 1 a restore reads twice as much as the full alone, and taking a full costs no more than what the incrementals have cost.',
      ),
  })
  .default({ max_length: 50, max_share: 1 });
