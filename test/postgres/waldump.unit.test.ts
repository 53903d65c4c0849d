import { describe, expect, it } from 'vitest';

import { parseTransactionEnd } from '../../src/postgres/transaction-ends.js';
import { parseStatsLine } from '../../src/postgres/wal-content.js';
import { trimLsn } from '../../src/postgres/waldump.js';

// Lines as pg_waldump 17.11 and 18.6 print them (test/postgres/waldump.test.ts holds them against the real ones).
const line = (tx: number, lsn: string, desc: string): string =>
  `rmgr: Transaction len (rec/tot):     34/    34, tx: ${String(tx).padStart(10)}, lsn: ${lsn}, prev 0/01A2B3C0, desc: ${desc}`;

describe('a line of pg_waldump', () => {
  it('is a commit', () => {
    expect(parseTransactionEnd(line(742, '0/01A2B400', 'COMMIT 2026-11-22 02:00:00.123456 UTC'))).toEqual({
      kind: 'commit',
      xid: 742,
      lsn: '0/1A2B400',
      at: '2026-11-22T02:00:00.123456Z',
      subxids: [],
    });
  });

  it('is a commit with subtransactions, between other details', () => {
    const desc =
      'COMMIT 2026-11-22 02:00:00.5 UTC; rels: base/5/16384; subxacts: 743 744; inval msgs: catcache 55; sync';
    expect(parseTransactionEnd(line(742, '1/00000028', desc))).toMatchObject({ subxids: [743, 744], lsn: '1/28' });
  });

  it('is the commit of a prepared transaction, which names another', () => {
    expect(
      parseTransactionEnd(line(0, '0/01A2B400', 'COMMIT_PREPARED 742: 2026-11-22 02:00:00 UTC; subxacts: 743')),
    ).toMatchObject({ kind: 'commit', xid: 742, subxids: [743] });
  });

  it.each([
    ['ABORT 2026-11-22 02:00:00.123456 UTC', 742],
    ['ABORT_PREPARED 741: 2026-11-22 02:00:00.123456 UTC', 741],
  ])('is an abort: %s', (desc, xid) => {
    expect(parseTransactionEnd(line(742, '0/01A2B400', desc))).toMatchObject({ kind: 'abort', xid });
  });

  it.each([
    line(742, '0/01A2B400', 'PREPARE gid waits: 2026-11-22 02:00:00.123456 UTC'),
    line(742, '0/01A2B400', 'ASSIGNMENT xtop 742: subxacts: 743'),
    line(742, '0/01A2B400', 'INVALIDATION ; inval msgs: catcache 55'),
    'rmgr: XLOG        len (rec/tot):    104/   104, tx:          0, lsn: 0/01A2B400, prev 0/01A2B3C0, desc: RESTORE_POINT COMMIT 2026-11-22 02:00:00 UTC',
    'first record is after 0/1A2B400, at 0/1A2B428, skipping over 40 bytes',
    '',
  ])('is none: %s', (text) => {
    expect(parseTransactionEnd(text)).toBeUndefined();
  });

  it('loses the padding of its positions', () => {
    expect(['0/01A2B400', '0/00000000', 'A/0000000f', 'A/F'].map(trimLsn)).toEqual(['0/1A2B400', '0/0', 'A/F', 'A/F']);
  });
});

describe('a line of pg_waldump --stats', () => {
  it.each([
    [
      'Heap                                      200009 ( 99.96)             32001274 ( 99.97)                36408 ( 24.47)             32037682 ( 99.62)',
      { manager: 'Heap', records: 200_009, bytes: 32_037_682 },
    ],
    [
      'Total                                     200095                      32010350 [99.54%]               148776 [0.46%]              32159126 [100%]',
      { manager: 'Total', records: 200_095, bytes: 32_159_126 },
    ],
    ['Type                                           N      (%)          Record size      (%)', undefined],
    ['WAL statistics between 0/147C9C0 and 0/4000000:', undefined],
  ])('is understood: %s', (text, row) => {
    expect(parseStatsLine(text)).toEqual(row);
  });
});
