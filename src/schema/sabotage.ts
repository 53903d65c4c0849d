import { z } from 'zod';

import { clusterNameSchema, instantSchema } from './primitives.js';
import { chainLinkSchema, fenceSchema, type Validation, verdictSchema } from './results.js';

/** Where a kind strikes: in the copy of the repository before the plan is made, or in the restored server before it is validated. */
export type SabotageStage = 'repository copy' | 'restored copy';

interface SabotageDescription {
  stage: SabotageStage;
  /** What is broken, as a phrase. */
  description: string;
}

const sealed = 'before the manifest was written: checksums of page, manifest and record are right';

/**
 * Every way to break a copy. `…-sealed`: the damage is older than the backup's checksums, so verification has nothing to object to and
 * only a check of the restored content can see it.
 */
export const sabotageKinds = {
  'heap-bit': { stage: 'repository copy', description: 'a bit of a row in a table’s file' },
  'heap-bit-sealed': { stage: 'repository copy', description: `a bit of a row, ${sealed}` },
  'index-bit': { stage: 'repository copy', description: 'a bit of an entry in an index’s file' },
  'index-bit-sealed': { stage: 'repository copy', description: `a bit of an index entry, ${sealed}` },
  'visibility-map-bit': { stage: 'repository copy', description: 'a bit of a visibility map' },
  'visibility-map-bit-sealed': { stage: 'repository copy', description: `a bit of a visibility map, ${sealed}` },
  'clog-bit': { stage: 'repository copy', description: 'a bit of pg_xact, which says what was committed' },
  'clog-bit-sealed': { stage: 'repository copy', description: `a committed transaction’s bit in pg_xact, ${sealed}` },
  'manifest-bit': { stage: 'repository copy', description: 'a bit of a backup manifest' },
  'manifest-bit-sealed': { stage: 'repository copy', description: 'a bit of a manifest, before it was recorded' },
  'truncated-file': { stage: 'repository copy', description: 'a table’s file without its last page' },
  'truncated-file-sealed': { stage: 'repository copy', description: `a file without its last page, ${sealed}` },
  'deleted-file': { stage: 'repository copy', description: 'a table’s file that is gone' },
  'deleted-file-sealed': { stage: 'repository copy', description: `a file that is gone, ${sealed}` },
  'older-incremental': { stage: 'repository copy', description: 'an incremental replaced by the one before' },
  'older-incremental-sealed': { stage: 'repository copy', description: 'the same, with the record made to fit' },
  'foreign-manifest': { stage: 'repository copy', description: 'the manifest of another backup' },
  'foreign-manifest-sealed': { stage: 'repository copy', description: 'the same, with the record made to fit' },
  'wal-bit': { stage: 'repository copy', description: 'a bit of a WAL record' },
  'deleted-wal-segment': { stage: 'repository copy', description: 'a WAL segment that is gone' },
  'swapped-wal-segments': { stage: 'repository copy', description: 'two WAL segments under each other’s name' },
  'wrong-timeline-history': { stage: 'repository copy', description: 'a history file with another switch point' },
  'row-changed': { stage: 'restored copy', description: 'one value of one row' },
  'row-added': { stage: 'restored copy', description: 'a row that the source does not have' },
  'row-removed': { stage: 'restored copy', description: 'a row of the source that is gone' },
  'index-entry-lost': { stage: 'restored copy', description: 'an index without the entry of a row' },
  'stale-visibility-map': { stage: 'restored copy', description: 'a page with a dead row, marked all-visible' },
  'function-body-changed': { stage: 'restored copy', description: 'the body of a function' },
  'role-dropped': { stage: 'restored copy', description: 'a role that is gone' },
} as const satisfies Record<string, SabotageDescription>;

export type SabotageKind = keyof typeof sabotageKinds;

/** The kinds of one stage. */
export type KindsOf<Stage extends SabotageStage> = {
  [Kind in SabotageKind]: (typeof sabotageKinds)[Kind]['stage'] extends Stage ? Kind : never;
}[SabotageKind];

export function isOfStage<Stage extends SabotageStage>(kind: SabotageKind, stage: Stage): kind is KindsOf<Stage> {
  return sabotageKinds[kind].stage === stage;
}

export const sabotageKindNames = Object.keys(sabotageKinds) as [SabotageKind, ...SabotageKind[]];

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
