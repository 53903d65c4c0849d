import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { SourceNotReadyError } from '../../src/errors.js';
import { continuityFrom, listWalArchive, type WalArchive, waitForSegment } from '../../src/repository/wal-archive.js';

const size = 16 * 1024 * 1024;

function archive(held: Record<number, number[]>): WalArchive {
  const segments = new Map(
    Object.entries(held).map(([timeline, numbers]) => [Number(timeline), new Set(numbers.map(BigInt))]),
  );
  return { directory: '/wal', segmentSizeBytes: size, segments };
}

describe('replay without a gap', () => {
  const first = [{ timeline: 1 }];

  it.each([
    ['goes to the end of the last segment', [3, 4, 5], '0/3000028', '0/6000000', undefined],
    ['counts the segment in whose middle it begins', [4], '0/4ABCDEF', '0/5000000', undefined],
    [
      'ends before the first that is missing, and names it',
      [3, 4, 6, 7],
      '0/3000028',
      '0/5000000',
      '000000010000000000000005',
    ],
    ['ends where it begins if that one is missing', [4, 5], '0/3000028', undefined, '000000010000000000000003'],
    ['ends where it begins in an empty archive, without a gap', [], '0/3000028', undefined, undefined],
    ['does not care for what is missing before', [1, 3], '0/3000028', '0/4000000', undefined],
    ['goes on across 4 GiB', [255, 256], '0/FF000028', '1/1000000', undefined],
  ])('%s', (_, numbers, from, endLsn, gap) => {
    expect(continuityFrom(archive({ 1: numbers }), first, from)).toEqual({ endLsn, gap });
  });

  it('follows the timelines of its history, whichever holds the segment of the switch', () => {
    const history = [{ timeline: 1, endLsn: '0/5000100' }, { timeline: 2 }];
    const end = { endLsn: '0/8000000', gap: undefined };
    expect(continuityFrom(archive({ 1: [3, 4], 2: [5, 6, 7] }), history, '0/3000028')).toEqual(end);
    expect(continuityFrom(archive({ 1: [3, 4, 5], 2: [5, 6, 7] }), history, '0/3000028')).toEqual(end);
  });

  it('does not follow an ancestor beyond the place where it was left', () => {
    const history = [{ timeline: 1, endLsn: '0/5000100' }, { timeline: 2 }];
    expect(continuityFrom(archive({ 1: [3, 4, 5, 6, 7], 2: [8] }), history, '0/3000028')).toEqual({
      endLsn: '0/6000000',
      gap: '000000020000000000000006',
    });
  });
});

describe('an archive directory', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp('/tmp/pgdt-');
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('holds whole segments only: no history, no temporary and no partial files', async () => {
    for (const name of [
      '000000010000000000000003',
      '000000020000000000000004',
      '00000002.history',
      'archtemp.000000010000000000000005.123.456',
      '000000010000000000000006.partial',
    ])
      await writeFile(join(directory, name), '');
    const { segments } = await listWalArchive(directory, size);
    expect([...segments].map(([timeline, numbers]) => [timeline, ...numbers])).toEqual([
      [1, 3n],
      [2, 4n],
    ]);
  });

  it('that is missing is an empty one', async () => {
    expect((await listWalArchive(join(directory, 'gone'), size)).segments.size).toBe(0);
  });

  const wait = (options: { lsn?: string; signal?: AbortSignal; onWait?: () => void } = {}): Promise<string> =>
    waitForSegment(
      { directory, segmentSizeBytes: size },
      { timeline: 1, lsn: options.lsn ?? '0/3000100' },
      {
        timeoutMs: 300,
        signal: new AbortController().signal,
        explain: () => Promise.resolve('The archiver says so.'),
        ...options,
      },
    );

  it('is waited for until a segment is there', async () => {
    let waits = 0;
    await wait({
      onWait: () => {
        waits += 1;
        if (waits === 2) void writeFile(join(directory, '000000010000000000000003'), '');
      },
    });
    expect(waits).toBeGreaterThanOrEqual(2);
  });

  it('with the last byte before an LSN at a segment’s beginning is the one before', async () => {
    await writeFile(join(directory, '000000010000000000000003'), '');
    expect(await wait({ lsn: '0/4000000' })).toBe('000000010000000000000003');
  });

  it('is not waited for longer than allowed: the error says what the server knows', async () => {
    await expect(wait()).rejects.toThrow(SourceNotReadyError);
    await expect(wait()).rejects.toThrow(
      `WAL segment 000000010000000000000003 did not arrive in ${directory} within 0.3 s. The archiver says so.`,
    );
  });

  it('is not waited for after a cancel', async () => {
    const cancel = new AbortController();
    const reason = new Error('cancelled');
    await expect(wait({ signal: cancel.signal, onWait: () => cancel.abort(reason) })).rejects.toBe(reason);
  });
});
