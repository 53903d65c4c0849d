import { parseTransactionEnd } from '../postgres/transaction-ends.js';
import { trimLsn } from '../postgres/waldump.js';
import { parseRelationFile } from '../repository/relation-files.js';
import type { Candidate, CandidateKind, HitRelation } from '../schema/candidate.js';

/** The resource managers whose records say what was taken away (`pg_waldump --rmgr`). */
export const neededManagers = ['Heap', 'Transaction', 'Storage', 'Database', 'XLOG', 'BRIN'];

/** Oids below belong to the system catalogs (PostgreSQL source, transam.h: FirstNormalObjectId). */
const firstNormalOid = 16_384;
const pageBytes = 8_192;

interface Rows {
  deleted: number;
  updated: number;
  /** How often the next row lay on another page than the one before: the pages, where a scan found them in order. */
  pages: number;
  lastBlock: string;
}

/** What one transaction (or subtransaction) that has not ended yet did so far. */
interface Work {
  rows: Map<string, Rows>;
  created: Set<string>;
  /** Of what it created, what an index build wrote to. */
  built: Set<string>;
  databases: Set<number>;
}

/**
 * Reads lines of pg_waldump, in order, and finds the committed transactions that deleted, updated, truncated or dropped user data.
 *
 * How each shows (PostgreSQL source, heapam_xlog.h, xactdesc.c, storage.c):
 * - a row: one DELETE, UPDATE or HOT_UPDATE record of the table's file;
 * - DROP TABLE: the commit removes its files (`rels:`), and the statistics of its oid (`dropped stats: 2/…`);
 * - TRUNCATE: the commit removes the files, new ones were created, and at least one of them was not filled by an index build;
 * - rewrites (VACUUM FULL, CLUSTER, ALTER TABLE, REFRESH) also drop a passing table that the same transaction created: no data goes;
 * - REINDEX fills all that it creates.
 */
export class ChangeCollector {
  readonly #running = new Map<number, Work>();

  /**
   * @param least rows that a delete or an update must have hit in one transaction.
   * @param wanted a transaction that is found however little it did.
   */
  constructor(
    private readonly onCandidate: (candidate: Candidate) => void,
    private readonly least: number,
    private readonly wanted?: number,
  ) {}

  take(line: string): void {
    const xid = Number(/, tx:\s*(\d+), lsn/.exec(line)?.[1] ?? 0);
    if (xid === 0) return;
    const manager = line.slice(6, line.indexOf(' ', 6));
    const description = line.slice(line.indexOf('desc: ') + 6);
    if (manager === 'Heap') this.#takeRow(xid, description);
    else if (manager === 'Transaction') this.#takeEnd(line);
    else if (manager === 'Storage') this.#takeCreated(xid, description);
    else if (manager === 'Database') this.#takeDatabase(xid, description);
    else this.#takeBuilt(xid, description);
  }

  #workOf(xid: number): Work {
    let work = this.#running.get(xid);
    if (work === undefined) {
      work = { rows: new Map(), created: new Set(), built: new Set(), databases: new Set() };
      this.#running.set(xid, work);
    }
    return work;
  }

  #takeRow(xid: number, description: string): void {
    // `+INIT` where the row is the first on a new page.
    const what = /^(DELETE|UPDATE|HOT_UPDATE)(?:\+INIT)? /.exec(description)?.[1];
    if (what === undefined) return;
    const [, relation, filenode, block = ''] = /blkref #0: rel (\d+\/\d+\/(\d+)) blk (\d+)/.exec(description) ?? [];
    if (relation === undefined || Number(filenode) < firstNormalOid) return;
    const { rows } = this.#workOf(xid);
    let hit = rows.get(relation);
    if (hit === undefined) rows.set(relation, (hit = { deleted: 0, updated: 0, pages: 0, lastBlock: '' }));
    if (what === 'DELETE') hit.deleted += 1;
    else hit.updated += 1;
    if (hit.lastBlock !== block) hit.pages += 1;
    hit.lastBlock = block;
  }

  #takeCreated(xid: number, description: string): void {
    const relation = keyOfPath(/^CREATE (\S+)/.exec(description)?.[1]);
    if (relation !== undefined) this.#workOf(xid).created.add(relation);
  }

  #takeDatabase(xid: number, description: string): void {
    const oid = /^DROP dir.*?\d+\/(\d+)/.exec(description)?.[1];
    if (oid !== undefined) this.#workOf(xid).databases.add(Number(oid));
  }

  /** An index that is built is written whole, page after page; BRIN has a record of its own. */
  #takeBuilt(xid: number, description: string): void {
    const work = this.#running.get(xid);
    if (work === undefined || work.created.size === 0) return;
    if (!description.startsWith('FPI ') && !description.startsWith('CREATE_INDEX')) return;
    for (const [, relation = ''] of description.matchAll(/rel (\d+\/\d+\/\d+)/g)) work.built.add(relation);
  }

  #takeEnd(line: string): void {
    const end = parseTransactionEnd(line);
    if (end === undefined) return;
    const works = [end.xid, ...end.subxids].flatMap((xid) => this.#running.get(xid) ?? []);
    for (const xid of [end.xid, ...end.subxids]) this.#running.delete(xid);
    if (end.kind === 'abort') return;
    const created = new Set(works.flatMap((work) => [...work.created]));
    const built = new Set(works.flatMap((work) => [...work.built]));
    const removed = listAfter(line, 'rels').flatMap((path) => keyOfPath(path) ?? []);
    const gone = removed.filter((relation) => !created.has(relation));
    const found: { kind: CandidateKind; relation: HitRelation }[] = [];
    for (const database of works.flatMap((work) => [...work.databases]))
      found.push({ kind: 'drop database', relation: { tablespace: 0, database, filenode: 0 } });
    const kind = kindOf({ gone, created, built, droppedOids: droppedRelations(line) });
    if (kind !== undefined) for (const relation of gone) found.push({ kind, relation: relationOf(relation) });
    for (const [relation, rows] of sumOf(works)) {
      const hit = { ...relationOf(relation), bytes: rows.pages * pageBytes };
      const enough = (count: number): boolean => count >= this.least || (count > 0 && end.xid === this.wanted);
      // What goes as a whole is told as that; what the same transaction made was never there for anybody.
      if (gone.includes(relation) || created.has(relation)) continue;
      if (enough(rows.deleted)) found.push({ kind: 'delete', relation: { ...hit, rows: rows.deleted } });
      else if (enough(rows.updated)) found.push({ kind: 'update', relation: { ...hit, rows: rows.updated } });
    }
    const gravest = graveness.find((each) => found.some((one) => one.kind === each));
    if (gravest === undefined) return;
    const { xid, at: committedAt, lsn } = end;
    const relations = found.map(({ relation }) => relation);
    this.onCandidate({ xid, kind: gravest, committedAt, lsn: trimLsn(lsn), relations });
  }
}

const graveness: readonly CandidateKind[] = ['drop database', 'drop', 'truncate', 'delete', 'update'];

/** What it means that a commit removes files; undefined for what takes no data away. */
function kindOf(what: {
  gone: readonly string[];
  created: ReadonlySet<string>;
  built: ReadonlySet<string>;
  droppedOids: readonly number[];
}): 'drop' | 'truncate' | undefined {
  const { gone, created, built, droppedOids } = what;
  if (gone.length === 0) return undefined;
  // A new relation's file is called by its oid at first.
  const createdOids = new Set([...created].map((relation) => Number(relation.split('/')[2])));
  if (droppedOids.some((oid) => createdOids.has(oid))) return undefined;
  if (droppedOids.length > 0) return 'drop';
  return [...created].some((relation) => !built.has(relation)) ? 'truncate' : undefined;
}

/** Oids of the relations whose statistics go with the commit: kind 2 (PostgreSQL source, pgstat_kind.h: PGSTAT_KIND_RELATION). */
function droppedRelations(line: string): number[] {
  return listAfter(line, 'dropped stats').flatMap((item) => {
    const [kind, , oid] = item.split('/').map(Number);
    return kind === 2 && oid !== undefined ? [oid] : [];
  });
}

/** The items of a part `; name: item item …` of a commit's description. */
function listAfter(line: string, name: string): string[] {
  const at = line.indexOf(`; ${name}: `);
  if (at < 0) return [];
  const from = at + name.length + 4;
  const to = line.indexOf(';', from);
  return line
    .slice(from, to < 0 ? undefined : to)
    .trim()
    .split(/\s+/);
}

function sumOf(works: readonly Work[]): Map<string, Rows> {
  const sums = new Map<string, Rows>();
  for (const [relation, rows] of works.flatMap((work) => [...work.rows])) {
    const sum = sums.get(relation) ?? { deleted: 0, updated: 0, pages: 0, lastBlock: '' };
    sum.deleted += rows.deleted;
    sum.updated += rows.updated;
    sum.pages += rows.pages;
    sums.set(relation, sum);
  }
  return sums;
}

/** `tablespace/database/filenode` of a path such as `base/5/16391`, for a relation's main fork of user data. */
function keyOfPath(path: string | undefined): string | undefined {
  const id = parseRelationFile(path ?? '');
  if (id?.fork !== 'main' || id.filenode < firstNormalOid) return undefined;
  return `${id.tablespace}/${id.database}/${id.filenode}`;
}

function relationOf(key: string): HitRelation {
  const [tablespace = 0, database = 0, filenode = 0] = key.split('/').map(Number);
  return { tablespace, database, filenode };
}
