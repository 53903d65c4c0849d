import { z } from 'zod';

import { instantSchema } from '../schema/primitives.js';
import { chainLinkSchema, type Verdict, verdictSchema } from '../schema/results.js';
import type { BackupRecord } from '../schema/backup-record.js';
import { readEvidenceFiles } from './evidence-files.js';
import type { Repository } from './repository.js';

/** A drill that restored a chain, as its evidence in the repository tells. */
export interface ProvingDrill {
  id: string;
  finishedAt: string;
  verdict: Verdict;
  chain: { id: string; startLsn: string; endLsn: string }[];
}

/**
 * How far a backup can be relied on, from the repository alone.
 *
 * - `unsafe`: judged when it was taken, and found wrong; no restore uses it.
 * - `failed`: the newest drill that restored this chain and came to a decision found it wrong.
 * - `proven`: that drill passed: what this chain restores equals the source.
 * - `part of a proven chain`: restored with later backups on top of it. What they replaced of it was not looked at.
 * - `judged`: an incremental or differential (or a full that was made of such a chain) in which nothing wrong was found when it was taken. Nobody has restored it.
 * - `verified`: a full that matches its manifest. Nobody has restored it.
 */
export type Standing = 'unsafe' | 'failed' | 'proven' | 'part of a proven chain' | 'judged' | 'verified';

export interface BackupStanding {
  standing: Standing;
  /** The drill that decided it. */
  drill?: { id: string; finishedAt: string };
}

/** Only what is needed here, so that evidence of other formats is passed over and not misread. */
const evidenceSchema = z.object({
  formatVersion: z.literal(1),
  kind: z.literal('drill'),
  id: z.string(),
  finishedAt: instantSchema,
  verdict: verdictSchema,
  chain: z.array(chainLinkSchema.pick({ id: true, startLsn: true, endLsn: true })),
});

/** The drills that left evidence in the repository, oldest first. What is no drill's evidence, or damaged, proves nothing. */
export async function listProvingDrills(repository: Repository): Promise<ProvingDrill[]> {
  const drills = await readEvidenceFiles(repository, evidenceSchema);
  return drills.sort((a, b) => Date.parse(a.finishedAt) - Date.parse(b.finishedAt));
}

/** @param drills oldest first. */
export function standingOf(backup: BackupRecord, drills: readonly ProvingDrill[]): BackupStanding {
  if (backup.unsafe !== undefined) return { standing: 'unsafe' };
  // `unproven` decides nothing: neither does it take away what an earlier drill has proven.
  const decided = drills.filter(({ verdict }) => verdict !== 'unproven').toReversed();
  const own = decided.find(({ chain }) => isSame(chain.at(-1), backup));
  if (own !== undefined) return { standing: own.verdict === 'passed' ? 'proven' : 'failed', drill: named(own) };
  const longer = decided.find(
    ({ verdict, chain }) => verdict === 'passed' && chain.some((link) => isSame(link, backup)),
  );
  if (longer !== undefined) return { standing: 'part of a proven chain', drill: named(longer) };
  return { standing: backup.type === 'full' && backup.consolidatedFrom === undefined ? 'verified' : 'judged' };
}

/** An id alone could be another backup's that was put in its place. */
function isSame(link: ProvingDrill['chain'][number] | undefined, backup: BackupRecord): boolean {
  return link?.id === backup.id && link.startLsn === backup.startLsn && link.endLsn === backup.endLsn;
}

function named({ id, finishedAt }: ProvingDrill): { id: string; finishedAt: string } {
  return { id, finishedAt };
}
