import type { Check } from '../../schema/results.js';
import { databasePairs } from '../content/compare-content.js';
import type { ClusterFingerprint } from '../fingerprint-schema.js';
import { describeDifference } from './text-difference.js';

/** The check `schema`: what pg_dump and the catalogs say of each database must be the same text, line by line. */
export function compareSchema(source: ClusterFingerprint, restored: ClusterFingerprint): Omit<Check, 'seconds'> {
  const problems: Check['problems'] = [];
  let lines = 0;
  for (const { database, before, after } of databasePairs(source, restored)) {
    // A missing database is the content check's to name; here it would hide nothing.
    const [left, right] = [before?.schemaSql ?? '', after?.schemaSql ?? ''];
    lines += left.split('\n').length;
    const difference = describeDifference(left, right);
    if (difference !== undefined) problems.push({ object: database, detail: difference });
  }
  return {
    name: 'schema',
    status: problems.length > 0 ? 'failed' : 'passed',
    summary:
      problems.length > 0
        ? `The schema of ${problems.length} of ${source.databases.length} databases differs from the source.`
        : `The schemas of ${source.databases.length} databases (${lines} lines) are identical with the source.`,
    figures: { databases: source.databases.length, lines, differing: problems.length },
    problems,
  };
}

/**
 * The check `globals`: roles, memberships, role settings, tablespaces. The source's are read before and after the fence, since
 * pg_dumpall knows no snapshot: where those two readings differ, nobody can say which of them is right.
 */
export function compareGlobals(source: ClusterFingerprint, restored: ClusterFingerprint): Omit<Check, 'seconds'> {
  const lines = source.globalsSql.split('\n').length;
  const moved = describeDifference(source.globalsSql, source.globalsSqlAfter ?? source.globalsSql);
  const difference = describeDifference(source.globalsSql, restored.globalsSql);
  const detail = moved ?? difference;
  const answer = (status: Check['status'], summary: string): Omit<Check, 'seconds'> => ({
    name: 'globals',
    status,
    summary,
    figures: { lines, differing: difference === undefined ? 0 : 1 },
    problems: detail === undefined ? [] : [{ object: 'roles and tablespaces', detail }],
  });
  if (moved !== undefined)
    return answer('unproven', 'Roles or tablespaces were changed on the source during the fence.');
  if (difference !== undefined) return answer('failed', 'Roles or tablespaces differ from the source.');
  return answer('passed', `Roles and tablespaces (${lines} lines) are identical with the source.`);
}
