import type { Check, Verdict } from '../../schema/results.js';
import { coverageOf } from './coverage.js';
import type { ClusterFingerprint, DatabaseFingerprint, RelationFingerprint } from '../fingerprint-schema.js';
import { snapshotTooOld } from './read-relation.js';

type Problem = Check['problems'][number];

interface Finding extends Problem {
  status: Exclude<Verdict, 'passed'>;
}

/** Names one relation: no two of a database may share schema and name. */
export function keyOf({ schema, name }: { schema: string; name: string }): string {
  return JSON.stringify([schema, name]);
}

/**
 * The check `content`: every relation of every database, source against restored.
 *
 * Failed where one differs, is missing or is extra; unproven where one could not be read or changed while it was read; those
 * never hide a failure of another. Nothing to compare is passed, and said.
 */
export function compareContent(source: ClusterFingerprint, restored: ClusterFingerprint): Omit<Check, 'seconds'> {
  const found = databasePairs(source, restored).flatMap(({ database, before, after }) => {
    if (after === undefined) return [failed(database, 'the database is missing')];
    if (before === undefined) return [failed(database, 'the database is not there on the source')];
    return compareDatabase(before, after);
  });
  const failures = found.filter(({ status }) => status === 'failed');
  const doubts = found.filter(({ status }) => status === 'unproven');
  const relations = source.databases.flatMap((database) => database.relations);
  const coverage = coverageOf(source);
  const figures = {
    tables: relations.length,
    rows: asNumber(relations.reduce((sum, { rows }) => sum + BigInt(rows), 0n)),
    bytes: relations.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    differing: failures.length,
    unproven: doubts.length,
    ...coverage.figures,
  };
  return {
    name: 'content',
    status: failures.length > 0 ? 'failed' : doubts.length > 0 || coverage.nothingLeft ? 'unproven' : 'passed',
    summary: [
      coverage.nothingLeft
        ? 'Every table is excluded: nothing was compared.'
        : summarize(failures.length, doubts.length, figures, source.policy?.sample !== undefined),
      ...(coverage.summary === undefined ? [] : [coverage.summary]),
    ].join(' '),
    figures,
    problems: [...failures, ...doubts].map(({ object, detail }) => ({ object, detail })),
  };
}

/** Databases of both sides by name, in the source's order. */
export function databasePairs(
  source: ClusterFingerprint,
  restored: ClusterFingerprint,
): { database: string; before: DatabaseFingerprint | undefined; after: DatabaseFingerprint | undefined }[] {
  const names = new Set([...source.databases, ...restored.databases].map(({ database }) => database));
  return [...names].map((database) => ({
    database,
    before: source.databases.find((each) => each.database === database),
    after: restored.databases.find((each) => each.database === database),
  }));
}

function compareDatabase(source: DatabaseFingerprint, restored: DatabaseFingerprint): Finding[] {
  const rest = new Map(restored.relations.map((relation) => [keyOf(relation), relation]));
  const found: Finding[] = [];
  for (const before of source.relations) {
    const after = rest.get(keyOf(before));
    rest.delete(keyOf(before));
    const finding = compareRelation(`${source.database}.${before.schema}.${before.name}`, before, after);
    if (finding !== undefined) found.push(finding);
  }
  for (const extra of rest.values()) {
    found.push(failed(`${source.database}.${extra.schema}.${extra.name}`, 'is not there on the source at the fence'));
  }
  return found;
}

function compareRelation(
  object: string,
  source: RelationFingerprint,
  restored: RelationFingerprint | undefined,
): Finding | undefined {
  // The catalogs of the snapshot are right even where the content can no longer be read: a missing table is missing.
  if (restored === undefined) return failed(object, 'is missing');
  if (source.changed !== undefined) return unproven(object, source.changed);
  if (source.unreadable !== undefined) {
    return unproven(object, `cannot be read on the source: ${explainUnreadable(source.unreadable)}`);
  }
  if (restored.changed !== undefined) return unproven(object, `in the sandbox: ${restored.changed}`);
  if (restored.unreadable !== undefined) {
    const detail = `cannot be read when restored: ${explainUnreadable(restored.unreadable)}`;
    return isCircumstance(restored.unreadable.code) ? unproven(object, detail) : failed(object, detail);
  }
  if (source.rows !== restored.rows) return failed(object, `rows ${source.rows} -> ${restored.rows}`);
  if (source.method !== restored.method) return failed(object, 'same row count, different types of columns');
  if (source.hash !== restored.hash) return failed(object, `same row count (${source.rows}), different content`);
  return undefined;
}

/** SQLSTATEs that speak of how we came to read, not of what is there: privileges, locks, timeouts, resources. */
function isCircumstance(code: string): boolean {
  return ['42501', '55P03', '57014'].includes(code) || code.startsWith('53');
}

function explainUnreadable({ code, message }: { code: string; message: string }): string {
  const todo: Record<string, string> = {
    '42501': message.includes('row-level security')
      ? ' (give the role BYPASSRLS: a policy would hide rows from the proof)'
      : ' (make the role a member of pg_read_all_data)',
    '55P03': ' (somebody held a stronger lock for too long)',
    [snapshotTooOld]: ' (snapshot_timeout)',
    '57014': ' (it took longer than the statement timeout allows, or was cancelled)',
  };
  return `${message}${todo[code] ?? ''}`;
}

function summarize(
  failures: number,
  doubts: number,
  { tables, rows }: { tables: number; rows: number | string },
  sampled: boolean,
): string {
  if (failures > 0) return `${failures} tables or databases differ from the source (${tables} tables compared).`;
  if (doubts > 0) return `${doubts} of ${tables} tables could not be compared; the others are identical.`;
  if (tables === 0) return 'There are no tables: there was nothing to compare.';
  return sampled
    ? `In what was read of them, ${tables} tables are identical with the source (${rows} rows).`
    : `${tables} tables with ${rows} rows are identical with the source.`;
}

/** Figures are numbers where they fit, else text. */
function asNumber(value: bigint): number | string {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
}

function failed(object: string, detail: string): Finding {
  return { status: 'failed', object, detail };
}

function unproven(object: string, detail: string): Finding {
  return { status: 'unproven', object, detail };
}
