import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { RepositoryError, TargetError } from '../../src/errors.js';
import { chooseLine } from '../../src/restore/choose-line.js';
import { whereAbandoned } from '../../src/restore/recoverable.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import type { Fence } from '../../src/schema/results.js';
import { parseTarget, type Target } from '../../src/schema/target.js';

// Timeline 2 left 1 at 0/3000100, 3 left 2 at 0/5000100; of timeline 4 there is WAL, but no history.
let walDirectory: string;
beforeAll(async () => {
  walDirectory = await mkdtemp('/tmp/pgdt-line-');
  const histories = { 2: '1\t0/3000100\tfailover\n', 3: '1\t0/3000100\tfailover\n2\t0/5000100\tfailover\n' };
  for (const [timeline, text] of Object.entries(histories))
    await writeFile(join(walDirectory, `0000000${timeline}.history`), text);
  for (const [timeline, segment] of [
    [1, 4],
    [2, 3],
    [3, 5],
  ])
    await writeFile(join(walDirectory, `0000000${timeline}000000000000000${segment}`), '');
});
afterAll(() => rm(walDirectory, { recursive: true }));

const backup = (timeline: number, endLsn: string): BackupRecord =>
  ({ id: `${timeline}@${endLsn}`, timeline, endLsn, walSegmentSizeBytes: 16 * 1024 * 1024 }) as BackupRecord;
const before = backup(1, '0/2000100');
const abandoned = backup(1, '0/4000100');

async function lineOf(target: string, backups: BackupRecord[], fence?: Partial<Fence>): Promise<number[]> {
  const parsed = parseTarget(target) as Target;
  const line = await chooseLine({ walDirectory, target: parsed, fence: fence as Fence | undefined }, backups);
  return line.history.map(({ timeline }) => timeline);
}

describe('the timelines of a restore', () => {
  it('lead to the newest, to the one that is asked for, or to the fence’s', async () => {
    expect(await lineOf('latest', [before])).toEqual([1, 2, 3]);
    expect(await lineOf('latest,timeline=2', [before])).toEqual([1, 2]);
    expect(await lineOf('latest,timeline=1', [before, abandoned])).toEqual([1]);
    expect(await lineOf('fence', [before], { timeline: 2 })).toEqual([1, 2]);
  });

  it('are those of the backups, where none leads to a newer one', async () => {
    expect(await lineOf('latest', [abandoned])).toEqual([1]);
  });

  it('are not those of which the history file is missing, which is said', async () => {
    const four = join(walDirectory, '000000040000000000000006');
    await writeFile(four, '');
    const line = await chooseLine({ walDirectory, target: { kind: 'latest' }, fence: undefined }, [before]);
    expect(line.timeline).toBe(3);
    expect(line.warnings).toEqual([expect.stringContaining('The history file of timeline 4 is missing')]);
    await expect(lineOf('latest,timeline=4', [before])).rejects.toThrow(RepositoryError);
    await expect(lineOf('fence', [before], { timeline: 4 })).rejects.toThrow('history file of timeline 4 is missing');
    // A backup of it needs no other.
    expect(await lineOf('latest', [backup(4, '0/6000100')])).toEqual([4]);
    await rm(four);
  });

  it('are refused where nothing is known of them, or no backup leads there', async () => {
    await expect(lineOf('latest,timeline=9', [before])).rejects.toThrow(TargetError);
    await expect(lineOf('latest,timeline=9', [before])).rejects.toThrow('nothing of timeline 9; it knows 1, 2, 3');
    await expect(lineOf('latest,timeline=2', [abandoned])).rejects.toThrow('No backup leads to timeline 2');
  });
});

describe('what a failover left behind', () => {
  const line = [{ timeline: 1, endLsn: '0/3000100' }, { timeline: 2 }];
  it.each([
    ['begins where the newer timeline left', { timeline: 1, from: '0/2000100', to: '0/4000000' }, '0/3000100'],
    ['is nothing before that', { timeline: 1, from: '0/2000100', to: '0/3000000' }, undefined],
    ['is all that begins behind it', { timeline: 1, from: '0/3500000', to: '0/4000000' }, '0/3500000'],
    ['is nothing on the newest', { timeline: 2, from: '0/3000100', to: '0/9000000' }, undefined],
    ['is all of another branch', { timeline: 3, from: '0/3000100', to: '0/9000000' }, '0/3000100'],
  ])('%s', (_, range, place) => {
    expect(whereAbandoned(line, range)).toBe(place);
  });
});
