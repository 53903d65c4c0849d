import { z } from 'zod';

import { durationSchema } from './primitives.js';
import { scheduleFields, scheduleNameSchema } from './schedule.js';
import { scenarioRequestSchema } from './scenario.js';
import { targetTextSchema } from './target.js';
import { drillBackupSchema, gateNameSchema } from './workflow-inputs.js';

/** Backups that are taken by themselves. */
const policySchema = z.strictObject({
  type: z
    .enum(['full', 'synthetic', 'incremental', 'differential'])
    .describe(
      '`incremental` builds on the newest backup, `differential` on the newest full. `synthetic` makes a full of the newest chain in the repository, without the source (`pgdrill consolidate`); where the newest backup is a full, there is nothing to do.',
    ),
  ...scheduleFields,
  keep: durationSchema.default('30d').describe('How long each of its backups is kept.'),
});
export type PolicyConfiguration = z.infer<typeof policySchema>;

export const policiesSchema = z
  .record(scheduleNameSchema, policySchema)
  .default({})
  .describe(
    'Backups on a schedule, by name. `pgdrill policies apply` brings them to Temporal. Where several start in the same minute, only the strongest does: full before synthetic before differential before incremental, then the one that is kept longer.',
  );

const pauseOnFailure = z
  .boolean()
  .default(true)
  .describe('Whether the schedule pauses after a run that failed, until someone resumes it.');

const scheduledDrillSchema = z.strictObject({
  ...scheduleFields,
  scenario: scenarioRequestSchema
    .optional()
    .describe(
      'Which failure is rehearsed (docs/scenarios.md); `rotate` takes the one that was not proven for longest. Default: `now`.',
    ),
  target: targetTextSchema.optional().describe('Where recovery stops. Default: `fence`. Only with scenario `now`.'),
  backup: drillBackupSchema.optional().describe('Backups to take first. Default: `none`.'),
  gates: z.array(gateNameSchema).optional().describe('Where it waits for a human. Default: the cluster’s `gates`.'),
  gate_timeout: durationSchema.optional().describe('How long a gate waits. Default: the cluster’s `gate_timeout`.'),
  pause_on_failure: pauseOnFailure,
});

export const scheduledDrillsSchema = z
  .record(scheduleNameSchema, scheduledDrillSchema)
  .default({})
  .describe('Drills on a schedule, by name.');

export const scheduledSabotageSchema = z
  .strictObject({ ...scheduleFields, pause_on_failure: pauseOnFailure })
  .optional()
  .describe('Sabotage drills on a schedule: each breaks a copy of the backups in the next way, and has to be seen.');
