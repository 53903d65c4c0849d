import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** PostgreSQL source, clog.c: two bits a transaction, four a byte, pages of 8 kB, files of 32 pages. */
const transactionsAPage = 8192 * 4;
const pagesAFile = 32;
const committed = 1;

export interface CommitPlace {
  /** Below the data directory. */
  file: string;
  offset: number;
  /** The lower of the two bits. */
  bit: number;
}

export function placeOf(xid: number): CommitPlace {
  const page = Math.floor(xid / transactionsAPage);
  return {
    file: `pg_xact/${Math.floor(page / pagesAFile)
      .toString(16)
      .toUpperCase()
      .padStart(4, '0')}`,
    offset: (page % pagesAFile) * 8192 + Math.floor((xid % transactionsAPage) / 4),
    bit: (xid % 4) * 2,
  };
}

/** Reads a backup's pg_xact: whether it calls a transaction committed. What is not there any more was frozen long ago. */
export function commitLogOf(dataDirectory: string): (xid: number) => Promise<boolean> {
  const files = new Map<string, Buffer>();
  return async (xid) => {
    const { file, offset, bit } = placeOf(xid);
    const content = files.get(file) ?? (await readFile(join(dataDirectory, file)).catch(() => Buffer.alloc(0)));
    files.set(file, content);
    return (((content[offset] ?? 0) >> bit) & 3) === committed;
  };
}
