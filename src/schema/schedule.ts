import { z } from 'zod';

import { durationSchema } from './primitives.js';

/** When something happens by itself: the keys that every schedule of the configuration has. */
export const scheduleFields = {
  cron: z
    .string()
    .min(1)
    .describe(
      'When: `minute hour day-of-month month day-of-week`, with lists, ranges, steps and names (`0 2 * * MON-FRI`). No seconds, no years, no `L`, `W`, `#`.',
    ),
  time_zone: z
    .string()
    .default('UTC')
    .describe(
      'The time zone of `cron`, by its IANA name. In one with summer time, what falls into the missing hour does not happen that day, and what falls into the doubled hour happens twice.',
    ),
  jitter: durationSchema
    .default('0s')
    .describe('Each start is put off by a random time of at most this, so that many clusters do not begin at once.'),
  catch_up: durationSchema
    .optional()
    .describe(
      'What was missed while Temporal was down is made up for if it is no older than this. Default: the shortest time between two starts, at most 12h.',
    ),
  enabled: z.boolean().default(true).describe('`false` keeps the schedule in Temporal, paused.'),
};

/** Names what a schedule is for, in ids and file names: so it is kept plain. */
export const scheduleNameSchema = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,40}$/, 'must begin with a letter and hold only a-z, 0-9, _ and - (at most 41 characters)');
