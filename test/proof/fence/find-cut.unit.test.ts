import { describe, expect, it } from 'vitest';

import type { TransactionEnd } from '../../../src/postgres/transaction-ends.js';
import { findCut, unexplained } from '../../../src/proof/fence/find-cut.js';
import { parseSnapshot, sees, widenXid } from '../../../src/proof/fence/snapshot.js';

function end(
  xid: number,
  lsn: string,
  kind: TransactionEnd['kind'] = 'commit',
  subxids: number[] = [],
): TransactionEnd {
  return { kind, xid, lsn, at: '2026-01-01T00:00:00Z', subxids };
}

function snapshots(...texts: string[]): { database: string; snapshot: ReturnType<typeof parseSnapshot> }[] {
  return texts.map((text, index) => ({ database: `db${index + 1}`, snapshot: parseSnapshot(text) }));
}

describe('a snapshot', () => {
  const snapshot = parseSnapshot('100:110:102,105');

  it.each([
    [99n, true, 'older than all that ran'],
    [100n, true, 'ended between two that ran'],
    [102n, false, 'was in progress'],
    [105n, false, 'was in progress'],
    [109n, true, 'had ended'],
    [110n, false, 'had not begun'],
    [111n, false, 'had not begun'],
  ])('sees transaction %s: %s (%s)', (xid, seen) => {
    expect(sees(snapshot, xid)).toBe(seen);
  });

  it('may have nothing in progress', () => {
    expect(parseSnapshot('100:100:').inProgress.size).toBe(0);
  });

  it.each(['', '100', '100:110'])('is not "%s"', (text) => {
    expect(() => parseSnapshot(text)).toThrow(RangeError);
  });
});

describe('a 32-bit transaction id from the WAL', () => {
  const epoch = 2n ** 32n;
  it.each([
    [5, 10n, 5n, 'the same epoch'],
    [12, 10n, 12n, 'the same epoch, later'],
    [3, 7n * epoch + 10n, 7n * epoch + 3n, 'a later epoch'],
    [4_294_967_290, 7n * epoch + 10n, 7n * epoch - 6n, 'just before the wraparound that the reference is behind'],
    [5, 8n * epoch - 4n, 8n * epoch + 5n, 'just behind the wraparound that the reference is before'],
    [4_294_967_295, epoch - 1n, epoch - 1n, 'the last of an epoch'],
  ])('%s near %s is %s (%s)', (xid, reference, wide) => {
    expect(widenXid(xid, reference)).toBe(wide);
  });
});

describe('the cut', () => {
  it('is the restore point where all commits before it are seen', () => {
    expect(findCut([end(100, '0/100'), end(101, '0/200')], snapshots('102:102:'), '0/300')).toEqual({
      lsn: '0/300',
      commitsSeen: 2,
      commitsUnseen: 0,
    });
  });

  it('is the first commit that the snapshot does not see', () => {
    const ends = [end(100, '0/100'), end(102, '0/200'), end(103, '0/280')];
    expect(findCut(ends, snapshots('102:103:102'), '0/300')).toEqual({
      lsn: '0/200',
      commitsSeen: 1,
      commitsUnseen: 2,
    });
  });

  it('does not exist where a seen commit lies behind an unseen one', () => {
    const cut = findCut([end(102, '0/100'), end(101, '0/200')], snapshots('102:103:102'), '0/300');
    expect(cut).toEqual({
      conflict: 'transaction 101 at 0/200 is visible in db1, 102 at 0/100 before it is not visible in db1',
    });
  });

  it('does not care for aborts, nor for what lies behind the restore point', () => {
    const ends = [
      end(100, '0/100'),
      end(110, '0/150', 'abort'),
      end(101, '0/200'),
      end(111, '0/400'),
      end(102, '0/500'),
    ];
    expect(findCut(ends, snapshots('103:103:'), '0/300')).toMatchObject({ lsn: '0/300', commitsSeen: 2 });
  });

  it('does not count what begins right where the restore point ends', () => {
    expect(findCut([end(100, '0/100'), end(110, '0/300')], snapshots('101:101:'), '0/300')).toEqual({
      lsn: '0/300',
      commitsSeen: 1,
      commitsUnseen: 0,
    });
  });

  it('compares positions as numbers, not as text', () => {
    const ends = [end(100, '9/F0000000'), end(105, 'A/10'), end(101, '10/10')];
    expect(findCut(ends.slice(0, 2), snapshots('102:103:'), 'A/20')).toMatchObject({ lsn: 'A/10' });
    expect(findCut(ends, snapshots('102:103:'), '10/20')).toHaveProperty('conflict');
  });

  it('knows transactions of a later epoch', () => {
    const epoch = 2n ** 32n;
    const texts = `${epoch + 3n}:${epoch + 5n}:${epoch + 3n}`;
    const ends = [end(4_294_967_295, '0/100'), end(4, '0/150'), end(3, '0/200')];
    expect(findCut(ends, snapshots(texts), '0/300')).toEqual({ lsn: '0/200', commitsSeen: 2, commitsUnseen: 1 });
  });

  it('has to suit the snapshots of all databases', () => {
    // 102 ended between the two snapshots: db1 does not see it, db2 does; behind it db2 sees 101 as well.
    const ends = [end(100, '0/100'), end(102, '0/180'), end(101, '0/200')];
    const both = snapshots('101:103:102', '103:103:');
    expect(findCut(ends, both, '0/300')).toHaveProperty('conflict');
  });

  it('does not exist where one commit is seen in one database and not yet in another', () => {
    // It changed both: stopping before it loses it in db2, stopping behind it adds it to db1.
    expect(findCut([end(100, '0/100'), end(102, '0/200')], snapshots('102:103:102', '103:103:'), '0/300')).toEqual({
      conflict: 'transaction 102 at 0/200 is visible in db2, 102 at 0/200 before it is not visible in db1',
    });
  });

  it('lets a commit count only in the databases that it changed', () => {
    const ends = [end(100, '0/100'), end(102, '0/180'), end(101, '0/200')];
    const both = snapshots('101:103:101,102', '101:103:101');
    const changed: Record<number, string> = { 100: 'db1', 101: 'db2', 102: 'db2' };
    // 102 is seen by the only database it changed, 101 by none: the cut lies between them.
    const cut = findCut(ends, both, '0/300', ({ xid }, database) => changed[xid] === database);
    expect(cut).toEqual({ lsn: '0/200', commitsSeen: 2, commitsUnseen: 1 });
  });
});

describe('transactions that nothing explains', () => {
  it('were in progress, are over, and are not in the WAL that was searched', () => {
    const held = snapshots('100:105:100,101,102,103');
    const ends = [end(101, '0/100'), end(102, '0/200', 'abort')];
    // 103 still runs (a prepared transaction stays so for as long as it is not decided).
    expect(unexplained(ends, held, new Set([103n]))).toEqual([100n]);
  });

  it('are none where all have ended before our eyes', () => {
    expect(unexplained([end(100, '0/100')], snapshots('100:101:100', '101:101:'), new Set())).toEqual([]);
  });
});
