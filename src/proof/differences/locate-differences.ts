import { AccessError, messageOf, UnreachableError } from '../../errors.js';
import type { Conninfo } from '../../postgres/conninfo.js';
import { type Connection, withConnection } from '../../postgres/connection.js';
import type { Check, Fence } from '../../schema/results.js';
import { describeRanges, type DifferingRelation, differingRelations } from './differing-ranges.js';
import type { ClusterFingerprint } from '../fingerprint-schema.js';
import { listRelations, type Relation } from '../content/list-relations.js';
import { beginReading, fixSessionSettings } from '../reading-session.js';
import { readKeys } from './row-keys.js';
import { lookAgain, type RowDifferences, type Side } from './second-look.js';

/** What the second look may cost the source: it comes after the verdict, which it cannot change. */
const limits = {
  relations: 5,
  ranges: 8,
  secondsARelation: 20,
  statementTimeout: '10s',
  lockTimeoutMs: 2_000,
} as const;

export interface LocateRequest {
  source: ClusterFingerprint;
  restored: ClusterFingerprint;
  snapshots: Fence['snapshots'];
  /** The source as it is now; undefined where it is not to be asked. */
  sourceConnection: Conninfo | undefined;
  sandboxConnection: Conninfo;
  /** Keys shown a relation, 5 by default. */
  keys?: number | undefined;
  signal: AbortSignal;
}

/**
 * Adds to each differing relation of the check `content` where it differs: the ranges of blocks, by the fingerprints alone, and, as far
 * as the source can still tell, the keys of the rows.
 *
 * @returns the check with longer details; a second look that fails costs nothing but its answer.
 */
export async function locateDifferences(check: Check, request: LocateRequest): Promise<Check> {
  const differing = differingRelations(request.source, request.restored);
  const places = new Map<string, string>();
  let unreachable: string | undefined;
  for (const [index, relation] of differing.entries()) {
    request.signal.throwIfAborted();
    let rows = index < limits.relations ? unreachable : undefined;
    if (index < limits.relations && unreachable === undefined) {
      try {
        rows = await rowsThatDiffer(relation, request);
      } catch (error) {
        request.signal.throwIfAborted();
        rows = `the source cannot say which rows: ${messageOf(error).split('\n', 1)[0] ?? ''}`;
        if (error instanceof UnreachableError || error instanceof AccessError) unreachable = rows;
      }
    }
    const parts = [describeRanges(relation), rows].filter((part) => part !== undefined);
    places.set(`${relation.database}.${relation.schema}.${relation.name}`, parts.map((part) => `; ${part}`).join(''));
  }
  return {
    ...check,
    problems: check.problems.map(({ object, detail }) => ({ object, detail: `${detail}${places.get(object) ?? ''}` })),
  };
}

async function rowsThatDiffer(relation: DifferingRelation, request: LocateRequest): Promise<string | undefined> {
  const { sourceConnection, sandboxConnection, signal } = request;
  const snapshot = request.snapshots.find(({ database }) => database === relation.database)?.snapshot;
  if (sourceConnection === undefined || snapshot === undefined) return undefined;
  const session = { overrides: { dbname: relation.database }, signal };
  const look = async (source: Connection, restored: Connection): Promise<string> => {
    const sides = [await openSide(source, relation), await openSide(restored, relation)] as const;
    const obstacle = cannotCompare(...sides);
    if (obstacle !== undefined) return obstacle;
    const [before, after] = sides as [Side, Side];
    const found = await lookAgain(before, after, {
      snapshot,
      ranges: relation.ranges.slice(0, limits.ranges),
      most: request.keys ?? 5,
      deadline: performance.now() + limits.secondsARelation * 1_000,
    });
    return await describeRows(before, after, found, relation.ranges.length > limits.ranges);
  };
  return await withConnection(
    sourceConnection,
    (source) => withConnection(sandboxConnection, (restored) => look(source, restored), session),
    session,
  );
}

async function openSide(client: Connection, { schema, name }: DifferingRelation): Promise<Side | undefined> {
  await fixSessionSettings(client, { lockTimeoutMs: limits.lockTimeoutMs });
  await beginReading(client, undefined, [`set local statement_timeout = '${limits.statementTimeout}'`]);
  const relation = (await listRelations(client)).find((each) => each.schema === schema && each.name === name);
  return relation && { client, relation };
}

/** Rows are found by their place, so both sides must have the same file with rows of the same shape. */
function cannotCompare(source: Side | undefined, restored: Side | undefined): string | undefined {
  if (source === undefined || restored === undefined)
    return 'the table is not there any more, so its rows cannot be told';
  if (!source.relation.heap) return 'its access method has no places by which rows could be told';
  const same = (key: keyof Relation): boolean => source.relation[key] === restored.relation[key];
  if (same('oid') && same('filenode') && same('shape')) return undefined;
  return 'the source has rewritten or altered the table since, so its rows cannot be told';
}

async function describeRows(source: Side, restored: Side, found: RowDifferences, cut: boolean): Promise<string> {
  const [missing, different, extra] = [
    await readKeys(source.client, source.relation, found.missing),
    await readKeys(source.client, source.relation, found.different),
    await readKeys(restored.client, restored.relation, found.extra),
  ];
  // An update that was lost: its new version is missing, the old one is still there.
  const stale = missing.filter((key) => key !== undefined && extra.includes(key));
  const only = (keys: readonly (string | undefined)[]): (string | undefined)[] =>
    keys.filter((key) => !stale.includes(key));
  const rows = [
    ...[...different, ...stale].map((key) => `${key ?? 'a row'} differs`),
    ...only(missing).map((key) => `${key ?? 'a row'} is missing`),
    ...only(extra).map((key) => `${key ?? 'a row'} is extra`),
  ];
  const unnamed = found.found - found.missing.length - found.different.length - found.extra.length;
  return [
    ...(rows.length > 0 ? [`${rows.join(', ')}${unnamed > 0 ? ` and ${unnamed} more rows` : ''}`] : []),
    ...(found.movedOn > 0n ? [`${found.movedOn} rows there have changed on the source since and cannot be told`] : []),
    ...(rows.length === 0 && found.movedOn === 0n ? ['no row can be told'] : []),
    ...(cut || !found.complete ? ['not everything was looked at'] : []),
  ].join('; ');
}
