import { type CandidateSearch, bySize, describeCandidate, findCandidates } from '../candidates/find-candidates.js';
import { defaultLeastRows } from '../schema/vocabulary.js';
import { TargetError } from '../errors.js';
import type { Candidate } from '../schema/candidate.js';
import type { ChosenScenario } from '../schema/scenario.js';
import type { PostgresTools } from '../toolchain/postgres.js';

const dayMs = 24 * 3_600_000;

/**
 * The largest statement of the last day (else of all that can be restored), or the one that is asked for: restored to just before its
 * commit record.
 *
 * @throws TargetError where there is none.
 */
export async function oops(
  tools: PostgresTools,
  request: Omit<CandidateSearch, 'since' | 'leastRows'>,
): Promise<ChosenScenario> {
  const { xid, facts } = request;
  let candidates: Candidate[] = [];
  for (const since of [new Date(Date.now() - dayMs), new Date(0)]) {
    candidates = await findCandidates(tools, { ...request, since, leastRows: defaultLeastRows });
    if (candidates.length > 0) break;
  }
  // Ids come round again: of two transactions with one id the newer is meant.
  const statement = xid === undefined ? bySize(candidates)[0] : candidates.at(-1);
  if (statement === undefined) {
    throw new TargetError({
      what:
        xid === undefined
          ? `No transaction in the archived WAL of ${facts.cluster} dropped or truncated a table, or deleted or updated ${defaultLeastRows} rows or more.`
          : `No transaction ${xid} in the archived WAL of ${facts.cluster} deleted, updated, dropped or truncated anything.`,
      means: 'There is no bad statement to recover from.',
      todo: `See what there is: pgdrill candidates ${facts.cluster} --since 30d --min-rows 1. What was just committed may not be archived yet.`,
    });
  }
  const what = describeCandidate(statement);
  return {
    name: 'oops',
    target: `lsn=${statement.lsn}`,
    onTheWay: true,
    statement,
    why: `transaction ${statement.xid} (${what}), committed at ${statement.committedAt}, ${xid === undefined ? `is the largest of ${candidates.length} found` : 'was asked for'}; replay stops before its commit at ${statement.lsn}`,
  };
}
