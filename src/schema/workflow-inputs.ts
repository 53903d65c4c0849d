import { z } from 'zod';

import { settingsModeSchema } from './hand-over.js';
import { clusterNameSchema, durationSchema } from './primitives.js';
import { scheduleNameSchema } from './schedule.js';
import { conflictsWithScenario, scenarioRequestSchema } from './scenario.js';
import { targetTextSchema } from './target.js';
import { answerableGates, backupTypes, drillBackups, gates, recoverGates } from './vocabulary.js';

export const gateNameSchema = z.enum(gates);
export type GateName = z.infer<typeof gateNameSchema>;

export const recoverGateSchema = z.enum(recoverGates);
export type RecoverGate = z.infer<typeof recoverGateSchema>;

export const answerableGateSchema = z.enum(answerableGates);
export type AnswerableGate = z.infer<typeof answerableGateSchema>;

export const backupTypeSchema = z.enum(backupTypes);
export type BackupType = z.infer<typeof backupTypeSchema>;

/** What `backup` is started with. */
export const backupInputSchema = z.strictObject({
  cluster: clusterNameSchema,
  /**
   * `incremental` builds on the newest backup, `differential` on the newest full one; without one, or where the chain cannot go on
   * safely, it becomes a full.
   */
  type: backupTypeSchema.default('full'),
  /** The policy of the configuration that it is taken for: how long it is kept hangs on that. */
  policy: scheduleNameSchema.optional(),
});
export type BackupInput = z.input<typeof backupInputSchema>;

/** What `consolidate` is started with. */
export const consolidateInputSchema = z.strictObject({
  cluster: clusterNameSchema,
  /** The last backup of the chain that is made one. Default: the newest. */
  upTo: z.string().min(1).optional(),
  /** The policy of the configuration that it is made for: how long it is kept hangs on that. Where there is no chain, nothing is made. */
  policy: scheduleNameSchema.optional(),
});
export type ConsolidateInput = z.input<typeof consolidateInputSchema>;

/** Which backups a drill takes first. */
export const drillBackupSchema = z.enum(drillBackups);

/** What `drill` is started with: `{"cluster": "shop"}` is enough. */
export const drillInputSchema = z
  .strictObject({
    cluster: clusterNameSchema,
    /** Which failure is rehearsed. All but `now` choose the target themselves. */
    scenario: scenarioRequestSchema.default('now'),
    /** What scenario `random` draws with. Default: one that is drawn and kept in the evidence. */
    seed: z.number().int().min(0).max(2_147_483_647).optional(),
    /** What scenario `oops` undoes, by its transaction (32 bits, as in the WAL). Default: the largest that is found. */
    xid: z.number().int().min(3).max(4_294_967_295).optional(),
    target: targetTextSchema.default('fence'),
    /** The last backup of the chain to restore from. Default: the fastest chain that reaches the target. */
    chain: z.string().min(1).optional(),
    /** Backups to take first. `none`: restore from what exists, as a disaster would. */
    backup: drillBackupSchema.default('none'),
    /** Where to wait for a human. Default: the cluster's `gates`. */
    gates: z.array(gateNameSchema).optional(),
    /** How long a gate waits. Default: the cluster's `gate_timeout`. */
    gateTimeout: durationSchema.optional(),
  })
  .superRefine((input, context) => {
    for (const { key, text } of conflictsWithScenario(input))
      context.addIssue({ code: 'custom', path: [key], message: text });
  });
export type DrillInput = z.input<typeof drillInputSchema>;

/** What `recover` is started with. */
export const recoverInputSchema = z.strictObject({
  cluster: clusterNameSchema,
  /** The new data directory: absolute, absent or empty. */
  into: z.string().startsWith('/', 'must be an absolute path'),
  target: targetTextSchema
    .refine((text) => text !== 'fence', 'a recovery has no fence: use latest, or a target of its own')
    .default('latest'),
  gates: z.array(recoverGateSchema).default(['restore', 'promote']),
  /** With whose settings the server starts after the hand-over. */
  settings: settingsModeSchema.default('production'),
  /**
   * Once the restore is prepared, a step that fails for good waits at gate `fix` ("fix and retry | give up") instead of throwing the work
   * away. False: it gives up at once.
   */
  fixGate: z.boolean().default(true),
  gateTimeout: durationSchema.optional(),
});
export type RecoverInput = z.input<typeof recoverInputSchema>;

/** What the updates and signals `approve` and `reject` carry. */
export const decisionSchema = z.strictObject({
  gate: answerableGateSchema,
  by: z.string().trim().min(1),
  reason: z.string().default(''),
  /** The digest of what was shown at the gate (WorkflowProgress.waiting.seen): refused when it is another by now. */
  seen: z.string().optional(),
  /** An SSH signature, armoured, over what src/approvals/statement.ts makes of all this. */
  signature: z.string().optional(),
});
export type DecisionInput = z.input<typeof decisionSchema>;
export type Decision = z.output<typeof decisionSchema>;

/** What the update `extend` carries: a gate that stays open longer. */
export const extendSchema = z.strictObject({
  gate: answerableGateSchema,
  by: z.string().trim().min(1),
  reason: z.string().default(''),
  /** How much longer. */
  for: durationSchema,
});
/** What the update `retarget` carries: where the paused server is to go on to. */
export const retargetSchema = z.strictObject({
  gate: z.literal('promote').default('promote'),
  by: z.string().trim().min(1),
  reason: z.string().default(''),
  target: targetTextSchema.refine((text) => text !== 'fence', 'the fence is where it was to stop at first'),
});
export type RetargetInput = z.input<typeof retargetSchema>;

export type ExtendInput = z.input<typeof extendSchema>;

/** What `janitor` is started with: nothing is enough. */
export const janitorInputSchema = z.strictObject({
  /** How long after a run's end its leftovers are left alone, in milliseconds. */
  graceMs: z.number().nonnegative().optional(),
});
