import { copyFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { makePrivateDirectory } from '../../src/files/durable.js';
import { bigIntToLsn } from '../../src/postgres/lsn.js';
import { segmentName } from '../../src/postgres/wal-segment.js';
import { fetchWal, type WantedWal } from '../../src/repository/fetch-wal.js';
import type { KnownReach } from '../../src/repository/known-reach.js';
import { continuityFrom, listWalArchive } from '../../src/repository/wal-archive.js';
import { makeScratch, removeScratch } from '../support/scratch.js';

// An archive of files that are no WAL: only which of them are asked for, and what that says, is looked at here.
const segmentSizeBytes = 1024 * 1024;
const { signal } = new AbortController();
let scratch: string;
let archive: string;
let walDirectory: string;

beforeEach(async () => {
  scratch = await makeScratch();
  archive = join(scratch, 'archive');
  walDirectory = join(scratch, 'fetched');
  await makePrivateDirectory(archive);
  await makePrivateDirectory(walDirectory);
  await writeFile(join(scratch, 'segment'), Buffer.alloc(segmentSizeBytes), { mode: 0o644 });
});
afterEach(() => removeScratch(scratch));

const lsn = (segment: number): string => bigIntToLsn(BigInt(segment * segmentSizeBytes));
const nameOf = (number: number, timeline = 1): string =>
  segmentName({ timeline, number: BigInt(number) }, segmentSizeBytes);
const put = async (from: number, to: number, timeline = 1): Promise<void> => {
  for (let number = from; number < to; number += 1)
    await copyFile(join(scratch, 'segment'), join(archive, nameOf(number, timeline)));
};

/** Fetches from segment 10 on. @returns the gap as any reader of the fetched files sees it, what is known to be lost, and what was fetched. */
async function fetched(
  more: Partial<WantedWal> = {},
  history = [{ timeline: 1 }],
): Promise<{ gap: string | undefined; lost: KnownReach | undefined; names: string[] }> {
  const restoreCommand = `test -f ${archive}/%f || exit 1; cp ${archive}/%f "%p"`;
  const from = { timeline: 1, lsn: lsn(10) };
  const lost = await fetchWal(
    { mode: 'command', restoreCommand },
    { walDirectory, segmentSizeBytes, from, ...more },
    signal,
  );
  const { gap } = continuityFrom(await listWalArchive(walDirectory, segmentSizeBytes), history, lsn(10));
  return { gap, lost, names: (await readdir(walDirectory)).sort() };
}
const known = (...reaches: KnownReach[]): Pick<WantedWal, 'known'> => ({ known: () => Promise.resolve(reaches) });

describe('a segment that is missing', () => {
  it('at the archive’s end is no gap', async () => {
    await put(10, 15);
    expect(await fetched()).toMatchObject({ gap: undefined, lost: undefined });
  });

  it.each([
    ['one', 13, 14],
    ['three, with one behind them', 15, 16],
    ['five, with five behind them', 17, 22],
    ['a hundred, with a hundred behind them', 112, 212],
  ])('before others is a gap: %s', async (_, from, to) => {
    await put(10, 12);
    await put(from, to);
    expect((await fetched()).gap).toBe(nameOf(12));
  });

  it('before fewer than are missing is a gap where somebody knows of one of those', async () => {
    await put(10, 12);
    await put(29, 30);
    expect((await fetched()).gap).toBeUndefined();
    expect((await fetched(known({ timeline: 1, lsn: lsn(30) }))).gap).toBe(nameOf(12));
  });

  it('is lost where the archive had it for certain, and nothing is behind it any more', async () => {
    await put(10, 12);
    const reach = { timeline: 1, lsn: lsn(20), how: 'a drill found it there' };
    expect(await fetched(known({ timeline: 1, lsn: lsn(40) }, reach))).toMatchObject({ gap: undefined, lost: reach });
    expect((await fetched(known({ ...reach, lsn: lsn(12) }))).lost).toBeUndefined();
    expect((await fetched(known({ ...reach, timeline: 2 }))).lost).toBeUndefined(); // of another line
  });

  it('is not looked behind where the source has archived nothing more', async () => {
    await put(10, 12);
    await put(13, 14); // comes this very moment
    const { gap, names } = await fetched(known({ timeline: 1, lsn: lsn(12), how: '', isEnd: true }));
    expect([gap, names]).toEqual([undefined, [nameOf(10), nameOf(11)]]);
  });

  it('at the beginning of a timeline does not hide that there are others of it', async () => {
    await put(10, 13);
    await writeFile(join(archive, '00000002.history'), `1\t${lsn(12)}\tno reason\n`, { mode: 0o644 });
    const line = [{ timeline: 1, endLsn: lsn(12) }, { timeline: 2 }];
    expect((await fetched({}, line)).gap).toBeUndefined(); // it has only just begun
    await rm(walDirectory, { recursive: true });
    await put(14, 15, 2);
    expect((await fetched({}, line)).gap).toBe(nameOf(13, 2));
  });

  it('before a timeline was left is missing on that one', async () => {
    await put(10, 11);
    await put(12, 14);
    await writeFile(join(archive, '00000002.history'), `1\t${lsn(13)}\tno reason\n`, { mode: 0o644 });
    const line = [{ timeline: 1, endLsn: lsn(13) }, { timeline: 2 }];
    expect((await fetched({ timeline: 2 }, line)).gap).toBe(nameOf(11, 1));
  });
});

it('a command that ends well for whatever it is asked does not lead from timeline to timeline for ever', async () => {
  const wal = { mode: 'command', restoreCommand: 'touch "%p" # %f' } as const;
  const from = { timeline: 1, lsn: lsn(10) };
  await expect(fetchWal(wal, { walDirectory, segmentSizeBytes, from }, signal)).rejects.toThrow(
    /ended well for 00000002.history, but gave no timeline history/,
  );
});

it('only what is needed is fetched: up to a place, or until it is enough', async () => {
  await put(10, 20);
  expect((await fetched({ to: lsn(12) })).names).toEqual([nameOf(10), nameOf(11)]);
  await rm(walDirectory, { recursive: true });
  const enough = ({ number }: { number: bigint }): Promise<boolean> => Promise.resolve(number === 12n);
  expect((await fetched({ enough })).names).toEqual([nameOf(10), nameOf(11), nameOf(12)]);
});
