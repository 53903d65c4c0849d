import { z } from 'zod';

import { sizeSchema } from './primitives.js';
import { scheduleFields } from './schedule.js';

/** How the repository itself is verified (`clusters.<name>.verify`). */
export const verifySchema = z
  .strictObject({
    ...scheduleFields,
    cron: scheduleFields.cron
      .optional()
      .describe('When the whole repository is verified. Default: only when asked for.'),
    max_rate: sizeSchema
      .default('100MB')
      .describe('The most that is read of the repository a second, so that others on the same disks keep their pace.'),
  })
  .prefault({})
  .describe('How `pgdrill repo verify` walks the repository, and when it does by itself.');
