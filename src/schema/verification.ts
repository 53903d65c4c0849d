import { z } from 'zod';

import { clusterNameSchema, instantSchema } from './primitives.js';

/** What `verifyRepository` is started with: `{"cluster": "shop"}` is enough. */
export const verifyRepositoryInputSchema = z.strictObject({
  cluster: clusterNameSchema,
});
export type VerifyRepositoryInput = z.input<typeof verifyRepositoryInputSchema>;

/** A known, accepted loss: who accepted it, when and why. */
export const acknowledgementSchema = z.object({
  formatVersion: z.literal(1),
  /** The finding's id. */
  finding: z.string(),
  by: z.string().min(1),
  at: instantSchema,
  reason: z.string().min(1),
});
export type Acknowledgement = z.infer<typeof acknowledgementSchema>;

/**
 * What the archive check found in a repository.
 *
 * `error`: something cannot be restored, or not be trusted. `warning`: nothing is lost by it today, but a person has to look. `note`: worth
 * knowing, and no reason to fail.
 */
export const repositoryFindingSchema = z.object({
  /** `kind/subject`: the same in every run as long as it is the same finding; one that has grown is another one. */
  id: z.string(),
  level: z.enum(['error', 'warning', 'note']),
  what: z.string(),
  means: z.string(),
  todo: z.string(),
  acknowledged: acknowledgementSchema.pick({ by: true, at: true, reason: true }).optional(),
});
export type RepositoryFinding = z.infer<typeof repositoryFindingSchema>;

/** How much was looked at. */
export const verifiedSchema = z.object({
  backups: z.number().int(),
  backupFiles: z.number().int(),
  backupBytes: z.number(),
  walSegments: z.number().int(),
  walBytes: z.number(),
  timelineHistories: z.number().int(),
  evidence: z.number().int(),
});
export type Verified = z.infer<typeof verifiedSchema>;

/** `verify/<id>.json` in the repository. */
export const verificationSchema = z.object({
  formatVersion: z.literal(1),
  id: z.string(),
  cluster: clusterNameSchema,
  workflowId: z.string(),
  runId: z.string(),
  startedAt: instantSchema,
  finishedAt: instantSchema,
  /** passed: nothing was found but notes and what is acknowledged. */
  verdict: z.enum(['passed', 'failed']),
  findings: z.array(repositoryFindingSchema),
  verified: verifiedSchema,
  /** What could not be looked at, as sentences. */
  notLookedAt: z.array(z.string()),
  versions: z.object({ pgdrill: z.string(), postgres: z.string(), node: z.string() }),
});
export type Verification = z.infer<typeof verificationSchema>;

/** What the workflow answers with and `repo verify --json` prints: the report, or its beginning where it is long. */
export const verificationResultSchema = verificationSchema.extend({
  /** Findings that are in the report only. */
  moreFindings: z.number().int(),
  reportPath: z.string(),
  warnings: z.array(z.string()),
});
export type VerificationResult = z.infer<typeof verificationResultSchema>;

/** Findings that make a run fail. */
export function openFindings(findings: readonly RepositoryFinding[]): RepositoryFinding[] {
  return findings.filter(({ level, acknowledged }) => level !== 'note' && acknowledged === undefined);
}
