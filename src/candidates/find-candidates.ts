import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { AccessError, UnreachableError } from '../errors.js';
import type { Conninfo } from '../postgres/conninfo.js';
import { bigIntToLsn, compareLsn, maxLsn } from '../postgres/lsn.js';
import { isInHistory, spansBetween } from '../postgres/timeline.js';
import { dumpWal } from '../postgres/waldump.js';
import { fetchWal } from '../repository/fetch-wal.js';
import { keyOfFork } from '../repository/relation-files.js';
import { nameRelations } from '../repository/relation-names.js';
import { keys, type Repository } from '../repository/repository.js';
import { listWalFiles } from '../repository/wal-files.js';
import type { Wal } from '../repository/wal-mode.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { Candidate, HitRelation } from '../schema/candidate.js';
import type { ScenarioFacts } from '../scenarios/facts.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { BackupCatalog } from './backup-catalog.js';
import { ChangeCollector, neededManagers } from './change-collector.js';

export interface CandidateSearch {
  repository: Repository;
  walDirectory: string;
  wal?: Wal | undefined;
  facts: ScenarioFacts;
  /** Committed no earlier and no later, by the source's clock. */
  since: Date;
  until?: Date | undefined;
  /** Rows that a delete or an update must have hit. */
  leastRows: number;
  /** Only this transaction, however little it did. */
  xid?: number | undefined;
  /** Asked for names that no backup knows; not needed. */
  source?: Conninfo | undefined;
  signal: AbortSignal;
}

/**
 * Finds the transactions in the archived WAL that took much away, and that a restore can stop before. In the order of the WAL.
 *
 * @throws RepositoryError where WAL on the way cannot be read.
 */
export async function findCandidates(tools: PostgresTools, search: CandidateSearch): Promise<Candidate[]> {
  const { facts, walDirectory, since, until, xid, signal } = search;
  const newest = facts.backups.at(-1);
  if (newest === undefined) throw new RangeError('no backup');
  const { walSegmentSizeBytes: segmentSizeBytes } = newest;
  const restorableFrom = facts.backups.find((backup) => facts.leadsTo(backup, facts.endLsn))?.endLsn ?? newest.endLsn;
  const from = maxLsn(restorableFrom, await beginningOf(search, segmentSizeBytes));
  const on = facts.history.find(({ timeline }) => isInHistory(facts.history, { timeline, lsn: from }))?.timeline ?? 1;
  const to = facts.endLsn;
  await fetchWal(search.wal, { walDirectory, segmentSizeBytes, from: { timeline: on, lsn: from }, to }, signal);
  const candidates: Candidate[] = [];
  const collector = new ChangeCollector(
    (candidate) => {
      const at = Date.parse(candidate.committedAt);
      if (xid !== undefined && candidate.xid !== xid) return;
      if (at < since.getTime() || (until !== undefined && at > until.getTime())) return;
      candidates.push(candidate);
    },
    search.leastRows,
    xid,
  );
  for (const span of spansBetween(facts.history, from, facts.endLsn, segmentSizeBytes)) {
    await dumpWal(
      tools,
      { walDirectory, segmentSizeBytes, ...span },
      neededManagers.map((manager) => `--rmgr=${manager}`),
      { signal, allowNothing: true, onLine: (line) => collector.take(line) },
    );
  }
  const named = new Names(search, facts.all);
  const found: Candidate[] = [];
  for (const candidate of candidates) {
    const relations = await named.describe(candidate);
    if (relations.length > 0) found.push({ ...candidate, relations });
  }
  return found;
}

/** Largest first: what was destroyed before what was only changed, then by the bytes that were hit. */
export function bySize(candidates: readonly Candidate[]): Candidate[] {
  const bytes = ({ relations }: Candidate): number => relations.reduce((sum, each) => sum + (each.bytes ?? 0), 0);
  const rank = ({ kind }: Candidate): number => (kind === 'drop database' ? 0 : kind === 'update' ? 2 : 1);
  return [...candidates].sort((a, b) => rank(a) - rank(b) || bytes(b) - bytes(a));
}

/** What one candidate did, in a few words. */
export function describeCandidate({ kind, relations }: Candidate): string {
  const [first, ...others] = relations;
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  const rows = first?.rows === undefined ? '' : ` of ${first.rows} rows in`;
  return `${kind}${rows} ${first === undefined ? '' : nameOf(first)}${more}`;
}

export function nameOf({ name, tablespace, database, filenode }: HitRelation): string {
  if (name !== undefined) return name;
  if (filenode === 0) return `the database with oid ${database}`;
  return `the relation with file ${tablespace === 1_663 ? `base/${database}` : `pg_tblspc/${tablespace}/…/${database}`}/${filenode}`;
}

/** A place before which nothing was committed as late as that. What a command has to bring has no time of arrival. */
async function beginningOf(
  { wal, walDirectory, facts, since }: CandidateSearch,
  segmentSizeBytes: number,
): Promise<string> {
  if (wal?.mode !== 'command') return await firstArrivedSince(walDirectory, segmentSizeBytes, since);
  return facts.backups.findLast(({ finishedAt }) => Date.parse(finishedAt) <= since.getTime())?.endLsn ?? '0/0';
}

/** What holds a commit of that time arrived then or later: from the segment before the first such one. By the names' order. */
async function firstArrivedSince(directory: string, segmentSizeBytes: number, since: Date): Promise<string> {
  const files = [...(await listWalFiles(directory, segmentSizeBytes)).values()].sort((a, b) =>
    a.number < b.number ? -1 : 1,
  );
  let last = 0n;
  for (const { name, number } of files) {
    const arrived = await stat(join(directory, name)).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
    if (arrived >= since.getTime()) break;
    last = number;
  }
  return bigIntToLsn(last * BigInt(segmentSizeBytes));
}

/** Names and sizes: from the newest full backup before, which also has what was dropped since; else from the source as it is now. */
class Names {
  readonly #catalogs: { endLsn: string; catalog: BackupCatalog }[];

  constructor(
    private readonly search: CandidateSearch,
    backups: readonly BackupRecord[],
  ) {
    this.#catalogs = backups
      .filter(({ type }) => type === 'full')
      .sort((a, b) => compareLsn(b.endLsn, a.endLsn))
      .map(({ id, endLsn, serverVersionNumber }) => ({
        endLsn,
        catalog: new BackupCatalog(
          search.repository.storage.pathOf(`${keys.backup(id)}/data`),
          Math.floor(serverVersionNumber / 10_000),
        ),
      }));
  }

  /** The tables of a candidate with what is known of them. What is known to be no table (indexes, TOAST, sequences) goes. */
  async describe({ lsn, kind, relations }: Candidate): Promise<HitRelation[]> {
    const catalogs = this.#catalogs.filter(({ endLsn }) => compareLsn(endLsn, lsn) <= 0).map(({ catalog }) => catalog);
    const described: HitRelation[] = [];
    const unknown: HitRelation[] = [];
    for (const relation of relations) {
      if (kind === 'drop database') {
        const name = await firstOf(catalogs, (catalog) => catalog.databaseName(relation.database));
        described.push({ ...relation, ...(name === undefined ? {} : { name: `database ${name}` }) });
        continue;
      }
      const known = await firstOf(catalogs, (catalog) => catalog.find(relation));
      if (known === undefined) unknown.push(relation);
      else if (known.kind === 'r') described.push(await this.#sized(catalogs, { ...relation, name: known.name }));
    }
    return [...described, ...(await this.#fromSource(unknown, described.length > 0))];
  }

  async #sized(catalogs: readonly BackupCatalog[], relation: HitRelation): Promise<HitRelation> {
    if (relation.bytes !== undefined) return relation;
    const bytes = await firstOf(catalogs, (catalog) => catalog.sizeBytes(relation));
    return bytes === undefined ? relation : { ...relation, bytes };
  }

  async #fromSource(unknown: readonly HitRelation[], others: boolean): Promise<HitRelation[]> {
    const { source, signal } = this.search;
    if (unknown.length === 0) return [];
    const forks = unknown.map(({ tablespace, database, filenode }) => ({
      tablespace,
      database,
      filenode,
      fork: 'main' as const,
    }));
    let names = new Map<string, string>();
    if (source !== undefined) {
      try {
        names = await nameRelations(source, forks, signal);
      } catch (error) {
        if (!(error instanceof AccessError) && !(error instanceof UnreachableError)) throw error;
      }
    }
    return unknown.flatMap((relation, index) => {
      const name = names.get(keyOfFork(forks[index] ?? { tablespace: 0, database: 0, filenode: 0, fork: 'main' }));
      const found = name === undefined ? undefined : /^table (.*) in database (.*)$/.exec(name);
      if (found !== null && found !== undefined)
        return [{ ...relation, name: `${found[1] ?? ''} in ${found[2] ?? ''}` }];
      const otherKind = name !== undefined && !name.startsWith('the relation with file');
      // Beside tables that are known, what nobody knows are their indexes and TOAST tables.
      return otherKind || (others && relation.rows === undefined) ? [] : [relation];
    });
  }
}

async function firstOf<Item, Result>(
  items: readonly Item[],
  look: (item: Item) => Promise<Result | undefined>,
): Promise<Result | undefined> {
  for (const item of items) {
    const found = await look(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
