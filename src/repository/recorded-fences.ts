import { createHash } from 'node:crypto';

import { z } from 'zod';

import { compareLsn } from '../postgres/lsn.js';
import { isInHistory, type TimelineSpan } from '../postgres/timeline.js';
import { evidenceSchema } from '../schema/evidence.js';
import { instantSchema } from '../schema/primitives.js';
import type { RecordedFence } from '../schema/results.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { readEvidenceFiles } from './evidence-files.js';
import type { Repository } from './repository.js';

/** Only what is needed here, so that evidence of other formats is passed over and not misread. */
const drillWithFence = evidenceSchema
  .pick({ formatVersion: true, id: true, fence: true, fenceOf: true, fingerprint: true, versions: true })
  .required({ fence: true, fingerprint: true });

/**
 * The places in the WAL at which the source's content is known because an earlier drill took its fence there, in the order of the WAL.
 * Only those whose fingerprint is still what its evidence says. One that was taken with another minor version of PostgreSQL's programs is
 * left out: its pg_dump may write the same schema in another way.
 */
export async function listRecordedFences(
  repository: Repository,
  tools: Pick<PostgresTools, 'version'>,
): Promise<RecordedFence[]> {
  const found: RecordedFence[] = [];
  for (const { id, fence, fenceOf, fingerprint, versions } of await readEvidenceFiles(repository, drillWithFence)) {
    if (fenceOf !== undefined || versions.sandboxPostgres !== tools.version) continue;
    const kept = await repository.storage.readText(fingerprint.path).catch(() => undefined);
    if (kept === undefined || createHash('sha256').update(kept).digest('hex') !== fingerprint.sha256) continue;
    found.push({ drill: id, fence, fingerprint });
  }
  return found.sort((a, b) => compareLsn(a.fence.lsn, b.fence.lsn));
}

const drillWithRpo = z.object({ formatVersion: z.literal(1), rpo: z.object({ failureAt: instantSchema }) });

/** When the newest drill that measured an RPO simulated its failure; undefined where none has. */
export async function lastFailureMoment(repository: Repository): Promise<string | undefined> {
  const moments = (await readEvidenceFiles(repository, drillWithRpo)).map(({ rpo }) => rpo.failureAt);
  return moments.sort((a, b) => Date.parse(a) - Date.parse(b)).at(-1);
}

/** Whether a fence lies on a line of timelines, and not on one that was left before it. */
export function liesOn({ fence }: RecordedFence, history: readonly TimelineSpan[]): boolean {
  return isInHistory(history, fence);
}
