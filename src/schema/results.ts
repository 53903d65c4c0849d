import { z } from 'zod';

import { estimateSchema } from './estimate.js';
import { restoredFactsSchema } from './hand-over.js';
import { instantSchema, lsnSchema } from './primitives.js';
import { answerableGateSchema } from './workflow-inputs.js';

/** Each is an answer of one activity: small enough for Temporal's history, complete enough for the evidence. */

export const findingSchema = z.object({
  /** Short and stable, such as `archive_mode`. */
  name: z.string(),
  level: z.enum(['ok', 'warning', 'error']),
  message: z.string(),
  /** Exact SQL (or a sentence, where SQL cannot mend it) that mends it. */
  fix: z.string().optional(),
  needsRestart: z.boolean().optional(),
});
export type Finding = z.infer<typeof findingSchema>;

export const fenceSchema = z.object({
  /** Replay that stops before the record at this LSN (`recovery_target_inclusive = off`) yields exactly the snapshot. */
  lsn: lsnSchema,
  timeline: z.number().int(),
  restorePoint: z.string(),
  restorePointLsn: lsnSchema,
  takenAt: instantSchema,
  /** How many fences had to be taken until an LSN matched. */
  tries: z.number().int(),
  snapshots: z.array(z.object({ database: z.string(), snapshot: z.string() })),
  /** Commits around the cut, as the WAL lists them. */
  commitsSeen: z.number().int(),
  commitsUnseen: z.number().int(),
});
export type Fence = z.infer<typeof fenceSchema>;

/** The worst RPO between two drills, as the archive's arrival times or the stream's record show it (docs/clock.md). */
export const worstRpoSchema = z.object({
  /** Age of the oldest commit that would have been lost at the worst moment; absent where it is not known. */
  seconds: z.number().nonnegative().optional(),
  /** Where not all that could be a little worse was read: it is no more than this. */
  atMostSeconds: z.number().nonnegative().optional(),
  /** Why it is not known. */
  unknown: z.string().optional(),
  /** The window: from the failure that the last drill simulated (else from the first backup's end) to this one's. */
  since: instantSchema,
  until: instantSchema,
  /** Segments that arrived in it. */
  segments: z.number().int().nonnegative(),
  /** Whether the stream's record says so, which is kept each second, and not the times at which segments arrived. */
  byStream: z.literal(true).optional(),
  /** The segment that was late, the first commit that was, and when it (in an archive: it and all before it) had arrived. */
  segment: z.string().optional(),
  committedAt: instantSchema.optional(),
  savedAt: instantSchema.optional(),
});
export type WorstRpo = z.infer<typeof worstRpoSchema>;

export const rpoSchema = z.object({
  /** Age of the oldest committed transaction that the repository did not hold at the simulated failure; 0 where it held all. */
  seconds: z.number().nonnegative(),
  /** WAL between what the repository held and what the source had committed. */
  bytes: z.number().nonnegative(),
  /** Transactions committed in that WAL. */
  transactions: z.number().int().nonnegative(),
  failureAt: instantSchema,
  sourceLsn: lsnSchema,
  repositoryLsn: lsnSchema,
  /** Of the time since the last drill; absent in evidence of earlier pgdrills. */
  worst: worstRpoSchema.optional(),
});
export type Rpo = z.infer<typeof rpoSchema>;

/** What captureLsn hands on. The source's fingerprint itself may be large: it lies in a file, named and hashed here. */
export const captureSchema = z.object({
  fence: fenceSchema,
  rpo: rpoSchema,
  fingerprint: z.object({
    path: z.string(),
    sha256: z.string(),
    databases: z.number().int(),
    tables: z.number().int(),
    rows: z.number(),
    sizeBytes: z.number(),
    durationMs: z.number(),
  }),
});
export type Capture = z.infer<typeof captureSchema>;

/** A place in the WAL at which the source's content is known: its fence, and the fingerprint that was taken there. */
export const knownFenceSchema = captureSchema.omit({ rpo: true });
export type KnownFence = z.infer<typeof knownFenceSchema>;

/** One that an earlier drill left in the repository. */
export const recordedFenceSchema = knownFenceSchema.extend({ drill: z.string() });
export type RecordedFence = z.infer<typeof recordedFenceSchema>;

/**
 * What the process that did a phase's work was seen doing, by its state in the kernel at regular looks (docs/clock.md): how many looks, and
 * the share of each. `cpu`: it ran, or waited for a processor. `disk`: it waited for a disk. `wal`: WAL was being brought from the archive,
 * or waited for. `other`: everything else.
 */
export const workSamplesSchema = z.object({
  looks: z.number().int().positive(),
  cpu: z.number().min(0).max(1),
  disk: z.number().min(0).max(1),
  wal: z.number().min(0).max(1),
  other: z.number().min(0).max(1),
});
export type WorkSamples = z.infer<typeof workSamplesSchema>;

/** One thing done in a restore and how long it took. A phase that is a step of its own counts from its first scheduling: a crash loses no time. */
export const phaseSchema = z.object({
  name: z.enum(['plan', 'verify', 'fetch', 'combine', 'replay', 'open', 'validate']),
  seconds: z.number().nonnegative(),
  bytes: z.number().nonnegative().optional(),
  /** By the wall clock of the worker's host; absent in evidence of earlier pgdrills. */
  startedAt: instantSchema.optional(),
  finishedAt: instantSchema.optional(),
  /** How often the step that this is a phase of was begun; absent where once was enough. */
  attempts: z.number().int().min(2).optional(),
  /** What it was seen waiting for; absent where nobody looked. */
  samples: workSamplesSchema.optional(),
});
export type Phase = z.infer<typeof phaseSchema>;

export const chainLinkSchema = z.object({
  id: z.string(),
  type: z.enum(['full', 'incremental', 'differential']),
  startLsn: lsnSchema,
  endLsn: lsnSchema,
  sizeBytes: z.number(),
});

/** A target made concrete: the settings recovery is given, and the WAL it needs. */
export const resolvedTargetSchema = z.object({
  requested: z.string(),
  /** `recovery_target…` settings without quotes; empty never: pgdrill always stops at a place it has named. */
  settings: z.record(z.string(), z.string()),
  /** The LSN that replay must reach, where it is known beforehand. */
  lsn: lsnSchema.optional(),
  timeline: z.number().int(),
});
export type ResolvedTarget = z.infer<typeof resolvedTargetSchema>;

export const planSchema = z.object({
  orderedAt: instantSchema,
  chain: z.array(chainLinkSchema).min(1),
  target: resolvedTargetSchema,
  /** WAL from the last link's start to the target (or to the end of the archive, where the target's LSN is not known). */
  wal: z.object({ from: lsnSchema, to: lsnSchema, bytes: z.number() }),
  warnings: z.array(z.string()),
  /** Of a target `lsn=…` at which an earlier drill took its fence: what it knew of the source there. */
  recorded: recordedFenceSchema.optional(),
  /**
   * Where replay stops on the way, at what an earlier drill knew of the source; `instead` is the backup whose chain would be faster, but
   * begins behind that place.
   */
  onTheWay: z
    .object({ target: resolvedTargetSchema, recorded: recordedFenceSchema, instead: z.string().optional() })
    .optional(),
  /** Why there is no such place, and what to do: part of a sentence. Where neither this nor that is there, nobody asked. */
  noFence: z.string().optional(),
  /** How long it will take; absent in plans of earlier pgdrills. */
  estimate: estimateSchema.optional(),
  phases: z.array(phaseSchema),
});
export type Plan = z.infer<typeof planSchema>;

export const sandboxSchema = z.object({
  id: z.string(),
  directory: z.string(),
  dataDirectory: z.string(),
  socketDirectory: z.string(),
  port: z.number().int(),
  superuser: z.string(),
});
export type Sandbox = z.infer<typeof sandboxSchema>;

export const preparedSchema = z.object({
  sandbox: sandboxSchema,
  phases: z.array(phaseSchema),
  restoredBytes: z.number(),
});
export type Prepared = z.infer<typeof preparedSchema>;

export const replaySchema = z.object({
  /** False where recovery ended without a pause (a standby snapshot never became usable): the gate then comes after promotion. */
  paused: z.boolean(),
  reachedLsn: lsnSchema,
  /** Commit time of the last replayed transaction. */
  lastCommitAt: z.string().optional(),
  replayedBytes: z.number(),
  /** How far replay was, and when: seconds since the step's first look at the server. Thinned out evenly, so that it stays small. */
  samples: z
    .array(z.object({ seconds: z.number().nonnegative(), lsn: lsnSchema }))
    .max(200)
    .optional(),
  phases: z.array(phaseSchema),
});
export type Replay = z.infer<typeof replaySchema>;

export const openedSchema = z.object({
  openedAt: instantSchema,
  timeline: z.number().int(),
  phases: z.array(phaseSchema),
  /** What was mended on the way. */
  findings: z.array(findingSchema).optional(),
  /** Of a recovery: what it was seen to hold, for the hand-over. */
  seen: restoredFactsSchema.optional(),
});
export type Opened = z.infer<typeof openedSchema>;

export const verdictSchema = z.enum(['passed', 'failed', 'unproven']);
export type Verdict = z.infer<typeof verdictSchema>;

export const checkSchema = z.object({
  name: z.string(),
  /** A skipped check is `unproven`: it never counts as passed. */
  status: verdictSchema,
  /** Where in the WAL it was made, where that is not the target: at a recorded fence on the way. */
  at: lsnSchema.optional(),
  summary: z.string(),
  figures: z.record(z.string(), z.union([z.number(), z.string()])),
  /** What differs or is broken, the first ones by name. */
  problems: z.array(z.object({ object: z.string(), detail: z.string() })),
  /** How many more there are than `problems` names: then `problems.json` beside the evidence has them all. */
  moreProblems: z.number().int().positive().optional(),
  seconds: z.number().nonnegative(),
});
export type Check = z.infer<typeof checkSchema>;

export const validationSchema = z.object({
  checks: z.array(checkSchema),
  notCompared: z.array(z.string()),
  phases: z.array(phaseSchema),
  finishedAt: instantSchema,
});
export type Validation = z.infer<typeof validationSchema>;

/** A decision at a gate: who, when, why; `expired` when nobody answered in time, `interrupted` when the run ended before anybody decided. */
export const approvalSchema = z.object({
  gate: answerableGateSchema,
  decision: z.enum(['approved', 'rejected', 'expired', 'interrupted']),
  by: z.string(),
  reason: z.string(),
  openedAt: instantSchema,
  decidedAt: instantSchema,
  /** The digest of what was shown; absent in evidence of earlier pgdrills. */
  seen: z.string().optional(),
  /** Who did what, in order; `key` is the fingerprint of the key that signed it. Absent where one plain answer is all. */
  answers: z
    .array(
      z.object({
        did: z.enum(['approved', 'rejected', 'extended', 'retargeted']),
        by: z.string(),
        reason: z.string(),
        at: instantSchema,
        key: z.string().optional(),
        /** What was shown to this person, where the gate asked again afterwards (`retarget`). An approval of it counts no more. */
        shown: z.object({ question: z.string(), seen: z.string() }).optional(),
      }),
    )
    .optional(),
});
export type Approval = z.infer<typeof approvalSchema>;
type Answer = NonNullable<Approval['answers']>[number];

/** Those that approve what the gate showed last. */
export function standingApprovals(answers: readonly Answer[]): Answer[] {
  return answers.filter(({ did, shown }) => did === 'approved' && shown === undefined);
}

export const objectiveSchema = z.object({
  name: z.enum(['rto', 'rpo']),
  objective: z.string().optional(),
  actualSeconds: z.number().optional(),
  status: z.enum(['met', 'missed', 'unknown']),
});
export type Objective = z.infer<typeof objectiveSchema>;
