import { createHash } from 'node:crypto';

import { z } from 'zod';

import { clusterNameSchema, instantSchema } from '../schema/primitives.js';
import type { Repository } from './repository.js';

const folder = 'failures';

/** A backup that failed for good: the trace that it leaves in the repository, so that the catalog can be rebuilt with it. */
const failureSchema = z.object({
  formatVersion: z.literal(1),
  cluster: clusterNameSchema,
  type: z.enum(['full', 'incremental', 'differential']),
  startedAt: instantSchema,
  finishedAt: instantSchema,
  reason: z.string(),
  workflowId: z.string(),
  operation: z.string(),
});
export type BackupFailureTrace = Omit<z.infer<typeof failureSchema>, 'formatVersion'>;

/** Writes the trace; one file an operation. */
export async function keepFailure({ storage }: Repository, failure: BackupFailureTrace): Promise<void> {
  const when = failure.startedAt.slice(0, 19).replace(/[-:]/g, '');
  const name = `${when}Z-${createHash('sha256').update(failure.operation).digest('hex').slice(0, 8)}.json`;
  await storage.writeText(`${folder}/${name}`, `${JSON.stringify({ formatVersion: 1, ...failure }, null, 2)}\n`);
}

/** The traces, oldest first. What cannot be read is passed over: no backup depends on it. */
export async function listFailures({ storage }: Repository): Promise<BackupFailureTrace[]> {
  const failures: BackupFailureTrace[] = [];
  for (const name of await storage.list(folder)) {
    try {
      const failure = failureSchema.parse(JSON.parse((await storage.readText(`${folder}/${name}`)) ?? ''));
      failures.push(failure);
    } catch {
      continue;
    }
  }
  return failures;
}
