import { expect, it } from 'vitest';

import { ChangeCollector } from '../../src/candidates/change-collector.js';
import type { Candidate } from '../../src/schema/candidate.js';

const line = (manager: string, tx: number, description: string, lsn = '0/00001000'): string =>
  `rmgr: ${manager.padEnd(11)} len (rec/tot):     54/    54, tx: ${String(tx).padStart(10)}, lsn: ${lsn}, prev 0/00000F00, desc: ${description}`;
const row = (tx: number, what: string, filenode: number, block: number): string =>
  line('Heap', tx, `${what} off: 1, flags: 0x00, blkref #0: rel 1663/5/${filenode} blk ${block}`);
const commit = (tx: number, rest = '', what = 'COMMIT'): string =>
  line('Transaction', tx, `${what} 2026-11-28 11:43:08.960165 UTC${rest}`, '0/00ABC028');

function collect(lines: readonly string[], least = 2, wanted?: number): Candidate[] {
  const found: Candidate[] = [];
  const collector = new ChangeCollector((candidate) => found.push(candidate), least, wanted);
  for (const each of lines) collector.take(each);
  return found;
}

it('counts the rows of a transaction with its subtransactions, once it is committed', () => {
  const rows = [
    row(7, 'DELETE xmax: 7,', 20_000, 1),
    row(8, 'DELETE xmax: 8,', 20_000, 1),
    row(9, 'DELETE xmax: 9,', 20_000, 2),
  ];
  expect(collect([...rows, commit(7, '; subxacts: 8')])).toEqual([
    {
      ...{ xid: 7, kind: 'delete', committedAt: '2026-11-28T11:43:08.960165Z', lsn: '0/ABC028' },
      relations: [{ tablespace: 1_663, database: 5, filenode: 20_000, rows: 2, bytes: 16_384 }],
    },
  ]);
  expect(collect([...rows, commit(7)])).toEqual([]);
  expect(collect([...rows, commit(7)], 2, 7)).toHaveLength(1);
  expect(collect([...rows, commit(7, '', 'ABORT'), commit(8)])).toEqual([]);
  // A prepared transaction ends in another one's record.
  const prepared = line('Transaction', 0, 'COMMIT_PREPARED 7: 2026-11-28 11:43:08.960165 UTC; subxacts: 8');
  expect(collect([...rows, prepared.replace('tx:          0', 'tx:         30')])).toMatchObject([{ xid: 7 }]);
});

it('leaves the system catalogs out', () => {
  expect(collect([row(7, 'DELETE', 1_259, 1), row(7, 'DELETE', 1_259, 1), commit(7)])).toEqual([]);
});

it('counts a row that begins a new page, too', () => {
  const rows = [row(7, 'UPDATE+INIT', 20_000, 1), row(7, 'HOT_UPDATE', 20_000, 1)];
  expect(collect([...rows, commit(7)])).toMatchObject([{ kind: 'update', relations: [{ rows: 2, bytes: 8_192 }] }]);
});

it('tells drops and truncations from rewrites, rebuilt indexes, and tables that came and went', () => {
  const created = line('Storage', 7, 'CREATE base/5/20100');
  const built = line('XLOG', 7, 'FPI , blkref #0: rel 1663/5/20100 blk 0 FPW');
  const kinds = (lines: readonly string[]): string[] => collect(lines).map(({ kind }) => kind);
  const removed = '; rels: base/5/20000';
  expect(kinds([commit(7, `${removed}; dropped stats: 2/5/20000; inval msgs: catcache 55`)])).toEqual(['drop']);
  expect(kinds([created, commit(7, `${removed}; inval msgs: catcache 55`)])).toEqual(['truncate']);
  expect(kinds([created, built, commit(7, removed)])).toEqual([]);
  expect(kinds([created, commit(7, `${removed}; dropped stats: 2/5/20100`)])).toEqual([]);
  expect(kinds([created, commit(7, '; rels: base/5/20100; dropped stats: 2/5/20100')])).toEqual([]);
  expect(kinds([line('Database', 7, 'DROP dir 1663/16427'), commit(7)])).toEqual(['drop database']);
});
