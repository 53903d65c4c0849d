import { describe, expect, it } from 'vitest';

import { parseTransactionEnd, trimLsn } from '../../src/postgres/waldump.js';

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
