import { describe, expect, it } from 'vitest';

import { samplesOf } from '../../src/estimate/past-restores.js';
import { rankChains } from '../../src/restore/fastest-chain.js';
import type { WalArchive } from '../../src/repository/wal-archive.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';

const [MB, GB] = [1e6, 1e9];
const segment = 16 * 1024 * 1024;
const none = samplesOf([]);

/** @param at the segment that it begins in, right at its start; it ends a little later. */
function backup(id: string, at: number, sizeBytes: number, change: Partial<BackupRecord> = {}): BackupRecord {
  const lsn = (offset: number): string => `0/${(at * segment + offset).toString(16).toUpperCase()}`;
  return {
    ...{ id, type: id.startsWith('f') ? 'full' : 'incremental', timeline: 1, startLsn: lsn(0x28), endLsn: lsn(0x128) },
    ...{ sizeBytes, restoredBytes: 10 * GB, walSegmentSizeBytes: segment },
    ...change,
  } as BackupRecord;
}

function archive(from: number, to: number, without?: number): WalArchive {
  const numbers = Array.from({ length: to - from + 1 }, (_, index) => BigInt(from + index));
  const held = new Set(numbers.filter((number) => number !== BigInt(without ?? -1)));
  return { directory: '/wal', segmentSizeBytes: segment, segments: new Map([[1, held]]) };
}

const lsn = `0/${(100 * segment).toString(16).toUpperCase()}`;
const target = { lsn, knownFrom: lsn, history: [{ timeline: 1 }] };
const rank = (backups: BackupRecord[], held = archive(1, 100), past = none): string[] =>
  rankChains(backups, { ...target, archive: held }, past).map(({ chain }) => chain.map(({ id }) => id).join('+'));

describe('the chain that is restored', () => {
  it('is the one with the least WAL, where incrementals are small', () => {
    const chain = [backup('f1', 1, 10 * GB), backup('i2', 90, 50 * MB, { parent: 'f1' })];
    expect(rank(chain)).toEqual(['f1+i2', 'f1']);
  });

  it('is the full one with long WAL replay, where the incrementals are so large that reading them takes longer', () => {
    const parents = ['f1', 'i2', 'i3', 'i4', 'i5', 'i6'];
    const chain = parents.map((id, index) =>
      index === 0 ? backup(id, 1, 10 * GB) : backup(id, 1 + index, 9 * GB, { parent: parents[index - 1]! }),
    );
    expect(rank(chain)[0]).toBe('f1');
  });

  it('goes by what this host has shown: a slow replay makes many incrementals worth it', () => {
    const chain = [backup('f1', 1, 10 * GB), backup('i2', 30, 12 * GB, { parent: 'f1' })];
    expect(rank(chain)[0]).toBe('f1');
    const restore = {
      finishedAt: '2026-11-24T00:00:00Z',
      clock: { phases: [{ name: 'replay', seconds: 4_000, bytes: 4 * GB }], rtoSeconds: 4_000 },
    };
    expect(rank(chain, archive(1, 100), samplesOf([restore]))[0]).toBe('f1+i2');
  });

  it('is a full one that was made of a chain, not that chain', () => {
    const chain = [backup('f1', 1, 10 * GB), backup('i2', 50, 9 * GB, { parent: 'f1' })];
    const made = backup('f3', 50, 10 * GB, { endLsn: chain[1]!.endLsn });
    expect(rank([...chain, made])[0]).toBe('f3');
  });

  it('does not change for a gain that the estimate is too rough to promise', () => {
    // Half a second of less reading, of about 80 s.
    const chain = [backup('f1', 99, 10 * GB), backup('i2', 100, 200 * MB, { parent: 'f1', endLsn: target.lsn })];
    expect(rank(chain)).toEqual(['f1+i2', 'f1']);
  });

  it('reaches what lies in a segment that is still being received, where the WAL joins that of a backup which does', () => {
    const backups = [backup('f1', 1, GB), backup('f2', 60, GB)];
    const request = { ...target, knownFrom: backups[1]!.endLsn, archive: archive(1, 70) };
    const reached = rankChains(backups, request, none).map(({ chain }) => chain[0]!.id);
    expect(reached.sort()).toEqual(['f1', 'f2']);
    expect(rankChains(backups, { ...request, archive: archive(1, 70, 30) }, none)).toHaveLength(1);
  });

  it('is none that does not reach the target: of a gap, of another timeline, behind it, unsafe', () => {
    const full = backup('f1', 1, GB);
    expect(rank([full, backup('f2', 60, GB)], archive(1, 100, 30))).toEqual(['f2']);
    expect(rank([full], archive(1, 50))).toEqual([]);
    expect(rank([full, backup('f2', 60, GB, { timeline: 2 })])).toEqual(['f1']);
    expect(rank([full, backup('f2', 101, GB)])).toEqual(['f1']);
    expect(rank([full, backup('i2', 60, MB, { parent: 'f1', unsafe: ['lost rows'] })])).toEqual(['f1']);
    const left = { ...target, history: [{ timeline: 1, endLsn: full.startLsn }, { timeline: 2 }] };
    expect(rankChains([full], { ...left, archive: archive(1, 100) }, none)).toEqual([]);
  });
});
