import { z } from 'zod';

import { judgedEstimateSchema } from './estimate.js';
import { extractedSchema } from './extraction.js';
import { handOverSchema } from './hand-over.js';
import { clusterNameSchema, instantSchema, lsnSchema } from './primitives.js';
import {
  approvalSchema,
  captureSchema,
  chainLinkSchema,
  checkSchema,
  fenceSchema,
  findingSchema,
  objectiveSchema,
  phaseSchema,
  replaySchema,
  resolvedTargetSchema,
  rpoSchema,
  verdictSchema,
} from './results.js';
import { chosenScenarioSchema } from './scenario.js';

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal');

/** What a drill leaves behind: enough to judge it, and to run it again. No secrets: connections are named, not quoted. */
export const evidenceSchema = z.object({
  formatVersion: z.literal(1),
  id: z.string(),
  kind: z.enum(['drill', 'recovery', 'extraction']),
  cluster: clusterNameSchema,
  workflowId: z.string(),
  runId: z.string(),
  startedAt: instantSchema,
  finishedAt: instantSchema,
  /** Where it was restored: another host has other disks. */
  host: z.string().optional(),
  verdict: verdictSchema,
  /** Why, in sentences; the first is the one to show. */
  reasons: z.array(z.string()).min(1),
  /** The input of the workflow, with its defaults filled in. */
  input: z.record(z.string(), z.unknown()),
  /** The exact command that runs the same again. */
  rerun: z.string(),
  /** Which failure was rehearsed; absent where a drill had a target of its own, and in evidence of earlier pgdrills. */
  scenario: chosenScenarioSchema.optional(),
  target: resolvedTargetSchema.optional(),
  /** Where content was compared with the source: taken by this drill, or by the one that `fenceOf` names. */
  fence: fenceSchema.optional(),
  /** The earlier drill whose fence this is. */
  fenceOf: z.string().optional(),
  /**
   * Where the fence lies before the target: replay went on behind it, to here. That WAL was replayed and checked by what needs no source, but
   * not compared.
   */
  beyond: z.object({ fromLsn: lsnSchema, toLsn: lsnSchema, bytes: z.number().nonnegative() }).optional(),
  /** The source's fingerprint at the fence, a file in the repository: later drills compare with it. */
  fingerprint: captureSchema.shape.fingerprint.optional(),
  rpo: rpoSchema.optional(),
  chain: z.array(chainLinkSchema),
  restoredBytes: z.number().optional(),
  replay: replaySchema.omit({ phases: true }).optional(),
  clock: z.object({
    phases: z.array(phaseSchema),
    /** From the order to restore until the sandbox took writes, without waiting for humans. */
    rtoSeconds: z.number().optional(),
    /** The same, and validation on top. */
    rtoToProvenSeconds: z.number().optional(),
    waitedForHumansSeconds: z.number(),
    /** Between and around the phases: Temporal's dispatch, retries, dead workers. Part of the RTO. */
    otherSeconds: z.number().optional(),
    /** By how much the wall clock said less than the phases together, which is impossible: it was set back. The RTO is the phases' sum then. */
    clockSetBackSeconds: z.number().positive().optional(),
  }),
  /** How long the plan said that it would take, beside the RTO; absent where the server never took writes. */
  estimate: judgedEstimateSchema.optional(),
  objectives: z.array(objectiveSchema),
  checks: z.array(checkSchema),
  notCompared: z.array(z.string()),
  approvals: z.array(approvalSchema),
  findings: z.array(findingSchema),
  /** Of a recovery that ended well: where the server is, and what is left to do. */
  handOver: handOverSchema.optional(),
  /** Of an extraction that ended well. */
  extracted: extractedSchema.optional(),
  versions: z.object({
    pgdrill: z.string(),
    sourcePostgres: z.string().optional(),
    sandboxPostgres: z.string(),
    node: z.string(),
  }),
  /** The evidence before this one in the repository's digest chain; absent in the first of the chain. */
  previous: z.object({ id: z.string(), sha256: sha256Schema }).optional(),
  /** SHA-256 over the canonical bytes of all other fields (docs/evidence.md); absent in evidence of earlier pgdrills. */
  sha256: sha256Schema.optional(),
});
export type Evidence = z.infer<typeof evidenceSchema>;

/** What the drill workflow answers with, and `drill --json` prints. */
export const drillResultSchema = evidenceSchema
  .pick({
    id: true,
    cluster: true,
    verdict: true,
    reasons: true,
    checks: true,
    chain: true,
    approvals: true,
    objectives: true,
    notCompared: true,
  })
  .extend({
    rtoSeconds: z.number().optional(),
    rtoToProvenSeconds: z.number().optional(),
    waitedForHumansSeconds: z.number(),
    phases: z.array(phaseSchema),
    estimate: judgedEstimateSchema.optional(),
    rpo: rpoSchema.optional(),
    target: z.string(),
    scenario: chosenScenarioSchema.optional(),
    fence: fenceSchema.optional(),
    fenceOf: z.string().optional(),
    beyond: evidenceSchema.shape.beyond,
    replay: replaySchema.omit({ phases: true, samples: true }).optional(),
    evidencePath: z.string().optional(),
    /** The same for people, as one HTML file. */
    reportPath: z.string().optional(),
    /** The hand-over sheet of a recovery. */
    handOverPath: z.string().optional(),
    /** What went wrong beside the verdict, such as a catalog that could not be written. */
    warnings: z.array(z.string()),
  });
export type DrillResult = z.infer<typeof drillResultSchema>;
