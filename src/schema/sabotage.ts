import { z } from 'zod';

import { clusterNameSchema, instantSchema } from './primitives.js';
import { chainLinkSchema, fenceSchema, type Validation, verdictSchema } from './results.js';
import { sabotageKindNames } from './sabotage-kinds.js';

/** What `sabotageDrill` is started with: `{"cluster": "shop"}` is enough. */
export const sabotageDrillInputSchema = z.strictObject({
  cluster: clusterNameSchema,
  /** One kind, or each once. Default: the next in turn. */
  kind: z.enum([...sabotageKindNames, 'all']).optional(),
  /** Decides whose turn it is, and where exactly it strikes. Default: how many sabotage drills there were before. */
  seed: z.int().nonnegative().optional(),
});
export type SabotageDrillInput = z.input<typeof sabotageDrillInputSchema>;

const observationSchema = z.object({
  /** `step prepareRestore` or `check content`. */
  by: z.string(),
  sentence: z.string(),
});

/** One copy that was drilled. */
export const sabotageTrialSchema = z.object({
  /** A kind, or `none` for the unbroken copy. */
  kind: z.string(),
  /** What exactly was broken: object, file, place. Absent where nothing was. */
  broke: z.string().optional(),
  /** What a drill says of this copy; absent where it did not come to be drilled. */
  drillVerdict: verdictSchema.optional(),
  /** Who saw the damage: the step that refused, or every check that failed. */
  seenBy: z.array(observationSchema),
  /** passed: the drill is red, as it has to be, or the restore mended the damage and says so. failed: nobody would have heard of it. */
  verdict: verdictSchema,
  reason: z.string(),
});
export type SabotageTrial = z.infer<typeof sabotageTrialSchema>;

/** The unbroken copy, which has to pass. */
export const controlKind = 'none';

/** How one copy fared, before it is judged. */
export interface TrialOutcome {
  kind: string;
  /** What was broken; absent where the sabotage itself did not come about, and for the unbroken copy. */
  broke?: string | undefined;
  failure?: { step: string; type: string; message: string } | undefined;
  /** What the restore says that it mended. */
  mended?: string[] | undefined;
  validation?: Pick<Validation, 'checks'> | undefined;
}

/** What the workflow answers with, and `sabotage-drill --json` prints. */
export const sabotageResultSchema = z.object({
  id: z.string(),
  cluster: clusterNameSchema,
  verdict: verdictSchema,
  reasons: z.array(z.string()).min(1),
  seed: z.number(),
  /** The unbroken copy: where it does not pass, a red drill proves nothing. */
  control: sabotageTrialSchema.optional(),
  trials: z.array(sabotageTrialSchema),
  /** Kinds that could not be tried here, such as a wrong history on a cluster that was never promoted. */
  leftOut: z.array(z.object({ kind: z.string(), reason: z.string() })),
  evidencePath: z.string().optional(),
  warnings: z.array(z.string()),
});
export type SabotageResult = z.infer<typeof sabotageResultSchema>;

/**
 * What a sabotage drill leaves behind, as `sabotage.json`: a file and a shape of its own, so that nothing that looks for drills can take
 * its `passed` ("the damage was seen") for a backup that restores.
 */
export const sabotageEvidenceSchema = sabotageResultSchema.omit({ evidencePath: true, warnings: true }).extend({
  formatVersion: z.literal(1),
  kind: z.literal('sabotage'),
  workflowId: z.string(),
  runId: z.string(),
  startedAt: instantSchema,
  finishedAt: instantSchema,
  input: z.record(z.string(), z.unknown()),
  /** The exact command that breaks the same again, as long as backups and data are the same. */
  rerun: z.string(),
  fence: fenceSchema.optional(),
  chain: z.array(chainLinkSchema),
  versions: z.object({ pgdrill: z.string(), sandboxPostgres: z.string(), node: z.string() }),
});
export type SabotageEvidence = z.infer<typeof sabotageEvidenceSchema>;
