import { describe, expect, it } from 'vitest';

import type { WalArchive } from '../../src/repository/wal-archive.js';
import { rangesOn } from '../../src/restore/recoverable.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';

const size = 16 * 1024 * 1024;
const finishedAt = '2026-11-24T00:00:00Z';

function backup(id: string, endLsn: string, change: Partial<BackupRecord> = {}): BackupRecord {
  return { id, type: 'full', timeline: 1, endLsn, finishedAt, walSegmentSizeBytes: size, ...change } as BackupRecord;
}

function archive(segments: Record<number, number[]>): WalArchive {
  const sets = Object.entries(segments).map(([timeline, numbers]): [number, Set<bigint>] => [
    Number(timeline),
    new Set(numbers.map(BigInt)),
  ]);
  return { directory: '/wal', segmentSizeBytes: size, segments: new Map(sets) };
}

const alone = [{ timeline: 1 }];

describe('what can be restored', () => {
  it('is from the end of the first backup to the end of the WAL behind it', () => {
    const ranges = rangesOn(alone, [backup('a', '0/1000100'), backup('b', '0/2000100')], archive({ 1: [1, 2, 3] }));
    expect(ranges).toEqual([{ timeline: 1, from: '0/1000100', fromTime: finishedAt, to: '0/4000000' }]);
  });

  it('ends at a gap, and begins again with the next backup', () => {
    const ranges = rangesOn(alone, [backup('a', '0/1000100'), backup('b', '0/4000100')], archive({ 1: [1, 2, 4, 5] }));
    expect(ranges).toEqual([
      { timeline: 1, from: '0/1000100', fromTime: finishedAt, to: '0/3000000', gap: '000000010000000000000003' },
      { timeline: 1, from: '0/4000100', fromTime: finishedAt, to: '0/6000000' },
    ]);
  });

  it('is the backup itself where no WAL is archived behind it, and nothing where its chain is broken', () => {
    expect(rangesOn(alone, [backup('a', '0/1000100')], archive({}))).toEqual([
      { timeline: 1, from: '0/1000100', fromTime: finishedAt, to: '0/1000100' },
    ]);
    expect(rangesOn(alone, [backup('a', '0/1000100', { parent: 'gone' })], archive({ 1: [1] }))).toEqual([]);
    expect(rangesOn(alone, [backup('a', '0/1000100', { unsafe: ['lost rows'] })], archive({ 1: [1] }))).toEqual([]);
  });

  it('on a later timeline begins where it left the one before, unless the backup is its own', () => {
    const history = [{ timeline: 1, endLsn: '0/2000500' }, { timeline: 2 }];
    const held = archive({ 1: [1], 2: [2, 3, 4] });
    expect(rangesOn(history, [backup('a', '0/1000100')], held)).toEqual([
      { timeline: 2, from: '0/2000500', to: '0/5000000' },
    ]);
    expect(rangesOn(history, [backup('b', '0/3000100', { timeline: 2 })], held)).toEqual([
      { timeline: 2, from: '0/3000100', fromTime: finishedAt, to: '0/5000000' },
    ]);
    // It ended on the old timeline, after the new one had left.
    expect(rangesOn(history, [backup('a', '0/2000600')], held)).toEqual([]);
    // The WAL up to the fork is not there.
    expect(rangesOn(history, [backup('a', '0/1000100')], archive({ 2: [2, 3] }))).toEqual([]);
  });
});
