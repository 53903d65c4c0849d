import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { codeOf } from '../errors.js';
import type { HitRelation } from '../schema/candidate.js';
import { itemsOf } from '../sabotage/heap-page.js';

const blockBytes = 8_192;
/** Where the first column begins is in the tuple's head (htup_details.h: t_hoff). */
const dataOffsetAt = 22;
/** The catalogs' files, as they are called until VACUUM FULL rewrites one: then nothing is found. */
const files = { classes: 1_259, namespaces: 2_615, databases: 1_262 };

/** A relation as pg_class of a backup has it. */
export interface BackedUpRelation {
  name: string;
  /** pg_class.relkind */
  kind: string;
}

/**
 * What the relations in a full backup are called, from the catalogs' own pages: no server is needed, and what was dropped since is there.
 * The pages are as the copy caught them, which for names is good enough.
 *
 * Their columns up to here have fixed lengths (PostgreSQL manual, "pg_class"): oid, name (64 bytes), namespace, type, oftype, owner,
 * am, filenode, tablespace, pages, tuples, allvisible, from 18 on allfrozen, toastrelid, hasindex, isshared, persistence, kind.
 */
export class BackupCatalog {
  readonly #byDatabase = new Map<number, Promise<Map<number, BackedUpRelation>>>();

  /** @param major of the server that was backed up. */
  constructor(
    private readonly dataDirectory: string,
    private readonly major: number,
  ) {}

  /** @returns undefined where the backup does not have it. */
  async find({ database, filenode }: HitRelation): Promise<BackedUpRelation | undefined> {
    let relations = this.#byDatabase.get(database);
    if (relations === undefined) this.#byDatabase.set(database, (relations = this.#read(database)));
    return (await relations).get(filenode);
  }

  async databaseName(database: number): Promise<string | undefined> {
    const rows = await rowsOf(join(this.dataDirectory, 'global', String(files.databases)));
    return rows.map((row) => ({ oid: row.readUInt32LE(0), name: nameAt(row, 4) })).find(({ oid }) => oid === database)
      ?.name;
  }

  /** Of a relation's main fork; undefined where the backup does not have it. */
  async sizeBytes({ tablespace, database, filenode }: HitRelation): Promise<number | undefined> {
    if (tablespace !== 1_663) return undefined;
    let size: number | undefined;
    for (let segment = 0; ; segment += 1) {
      const path = join(
        this.dataDirectory,
        'base',
        String(database),
        `${filenode}${segment === 0 ? '' : `.${segment}`}`,
      );
      const part = await stat(path).then(
        (file) => file.size,
        () => undefined,
      );
      if (part === undefined) return size;
      size = (size ?? 0) + part;
    }
  }

  async #read(database: number): Promise<Map<number, BackedUpRelation>> {
    const directory = join(this.dataDirectory, 'base', String(database));
    const schemas = new Map(
      (await rowsOf(join(directory, String(files.namespaces)))).map((row) => [row.readUInt32LE(0), nameAt(row, 4)]),
    );
    const kindAt = this.major >= 18 ? 119 : 115;
    const inDatabase = (await this.databaseName(database)) ?? String(database);
    const relations = new Map<number, BackedUpRelation>();
    for (const row of await rowsOf(join(directory, String(files.classes)))) {
      if (row.length <= kindAt) continue;
      const schema = schemas.get(row.readUInt32LE(68)) ?? '?';
      relations.set(row.readUInt32LE(88), {
        name: `${schema}.${nameAt(row, 4)} in ${inDatabase}`,
        kind: String.fromCharCode(row[kindAt] ?? 0),
      });
    }
    return relations;
  }
}

/** The data of all tuples of a heap's first file, whichever version of a row they are. */
async function rowsOf(path: string): Promise<Buffer[]> {
  let heap: Buffer;
  try {
    heap = await readFile(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
  const rows: Buffer[] = [];
  for (let at = 0; at + blockBytes <= heap.length; at += blockBytes) {
    const page = heap.subarray(at, at + blockBytes);
    for (const { offset, length } of itemsOf(page)) {
      const row = page.subarray(offset + (page[offset + dataOffsetAt] ?? length), offset + length);
      if (row.length >= 68) rows.push(row);
    }
  }
  return rows;
}

function nameAt(row: Buffer, offset: number): string {
  const name = row.subarray(offset, offset + 64);
  const end = name.indexOf(0);
  return name.subarray(0, end < 0 ? undefined : end).toString('utf8');
}
