import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type WalPageHeader, readWalPageHeader } from '../../src/postgres/wal-page-header.js';
import { parseBytes } from '../../src/schema/primitives.js';
import { parseArchivedName } from '../../src/verify/archive-files.js';
import { judgeSegment } from '../../src/verify/check-segments.js';
import { createChecksum } from '../../src/verify/checksum.js';
import { KeptResults } from '../../src/verify/kept-results.js';
import { Rate } from '../../src/verify/rate.js';

const size = 16_777_216;

// The first 40 bytes of real segments of PostgreSQL 17.11 and 18.6 on x86-64.
const real17 = Buffer.from('16d10200010000000000000100000000000000000000000030f2f731bec5056b0000000100200000', 'hex');
const real18 = Buffer.from('18d10200010000000000000100000000000000000000000029d36ba3c2c5056b0000000100200000', 'hex');

describe('the header of a segment', () => {
  it('is read from PostgreSQL 17 and 18', () => {
    expect(readWalPageHeader(real17)).toEqual({
      ...{ byteOrder: 'little', magic: 0xd116, timeline: 1, address: 0x1000000n },
      ...{ systemIdentifier: '7711787357614633520', segmentSizeBytes: size, pageSizeBytes: 8192 },
    });
    expect(readWalPageHeader(real18)).toMatchObject({ magic: 0xd118, systemIdentifier: '7711787376697922345' });
  });

  it('is read in the byte order that it was written in', () => {
    const big = Buffer.alloc(40);
    big.writeUInt16BE(0xd116, 0);
    big.writeUInt16BE(2, 2);
    big.writeUInt32BE(7, 4);
    big.writeBigUInt64BE(0x5000000n, 8);
    big.writeBigUInt64BE(7711787357614633520n, 24);
    big.writeUInt32BE(size, 32);
    expect(readWalPageHeader(big)).toMatchObject({ byteOrder: 'big', timeline: 7, address: 0x5000000n });
  });

  it.each([
    [Buffer.alloc(40), 'it begins with zeros'],
    [Buffer.alloc(12, 1), 'it is cut short: 12 bytes'],
    [Buffer.from('7f454c46'.padEnd(80, '0'), 'hex'), 'does not begin with the magic number'],
    [Buffer.from('16d1000001'.padEnd(80, '0'), 'hex'), 'no long header'],
  ])('that is none says so', (bytes, said) => {
    expect(readWalPageHeader(bytes)).toContain(said);
  });
});

describe('a segment', () => {
  const header = readWalPageHeader(real17) as WalPageHeader;
  const file = { name: '000000010000000000000001', timeline: 1, number: 1n, partial: false };
  const expected = {
    ...{ systemIdentifier: '7711787357614633520', major: 17, segmentSizeBytes: size },
    ancestries: new Map([
      [1, [{ timeline: 1 }]],
      [2, [{ timeline: 1, endLsn: '0/1000100' }, { timeline: 2 }]],
    ]),
  };
  const judge = (...[f = file, bytes = size, h = header, e = expected]: Partial<Parameters<typeof judgeSegment>>) =>
    judgeSegment(f, bytes, h, e)
      .map(({ id, what }) => `${id.split('/')[0] ?? ''}: ${what}`)
      .join();

  it('that is right has no findings', () => {
    expect(judge()).toBe('');
    expect(judge({ ...file, partial: true }, 5)).toBe('');
    expect(judge({ ...file, timeline: 2 })).toBe(''); // the segment with the switch begins as the old timeline’s
    expect(judge(file, size, header, { ...expected, major: undefined })).toBe('');
  });

  it.each([
    ['wal-size', file, size - 1, header],
    ['wal-foreign', file, size, { ...header, systemIdentifier: '1' }],
    [
      'wal-header: 000000010000000000000001 is not what its name says: its magic number',
      file,
      size,
      { ...header, magic: 0xd118 },
    ],
    ['big-endian server', file, size, { ...header, byteOrder: 'big' as const }],
    ['a segment of 1048576 bytes', file, size, { ...header, segmentSizeBytes: 1_048_576 }],
    ['it holds the WAL from 0/1000000, and its name says 0/2000000', { ...file, number: 2n }, size, header],
    ['it was written on timeline 3', file, size, { ...header, timeline: 3 }],
    ['wal-before-timeline', { ...file, timeline: 2, number: 0n }, size, { ...header, address: 0n }],
    ['wal-header', file, size, 'it begins with zeros'],
  ])('that is not: %s', (said, f, bytes, h) => {
    expect(judge(f, bytes, h)).toContain(said);
  });

  it('is known in every form', () => {
    const name = '00000002000000010000000A';
    const parse = (ending: string) => parseArchivedName(`${name}${ending}`, size);
    expect(parse('')).toEqual({ timeline: 2, number: 266n, compression: 'none', partial: false });
    expect(parse('.zst')).toMatchObject({ compression: 'zstd', partial: false });
    expect(parse('.partial')).toMatchObject({ compression: 'none', partial: true });
    expect(parse('.txt')).toBeUndefined();
  });
});

describe('checksums', () => {
  it.each([
    // RFC 3720, appendix B.4, as PostgreSQL writes it: least significant byte first.
    [Buffer.alloc(32, 0), 'aa36918a'],
    [Buffer.alloc(32, 0xff), '43aba862'],
    [Buffer.from(Array.from({ length: 32 }, (_, index) => index)), '4e79dd46'],
    [Buffer.from('123456789'), '839206e3'],
  ])('CRC-32C is as published', (bytes, digest) => {
    const whole = createChecksum('CRC32C')!;
    whole.update(bytes);
    expect(whole.digest()).toBe(digest);
    const pieces = createChecksum('CRC32C')!;
    pieces.update(bytes.subarray(0, 5));
    pieces.update(bytes.subarray(5));
    expect(pieces.digest()).toBe(digest);
  });

  it('of other kinds are known or refused', () => {
    const sha = createChecksum('SHA256')!;
    sha.update(Buffer.from('abc'));
    expect(sha.digest()).toMatch(/^ba7816bf/);
    expect(createChecksum('MD5')).toBeUndefined();
  });
});

describe('the rate', () => {
  it('is kept over the long run, and time in which nothing was read is not saved up', async () => {
    let now = 0;
    const rate = new Rate(1_000_000, new AbortController().signal, {
      now: () => now,
      sleep: (ms) => {
        now += ms;
        return Promise.resolve();
      },
    });
    for (let piece = 0; piece < 1_000; piece++) await rate.spent(10_000);
    expect(now).toBeGreaterThan(9_970);
    expect(now).toBeLessThanOrEqual(10_000);
    now += 60_000;
    const before = now;
    for (let piece = 0; piece < 100; piece++) await rate.spent(10_000);
    expect(now - before).toBeGreaterThan(970);
  });

  it('ends with the step', async () => {
    const cancel = new AbortController();
    const waiting = new Rate(1, cancel.signal).spent(1_000);
    cancel.abort(new Error('cancelled'));
    await expect(waiting).rejects.toThrow('cancelled');
  });

  it.each([
    ['64MB', 64e6],
    ['1.5 GB', 1.5e9],
    ['10', undefined],
    ['10 MiB', undefined],
  ])('is written %s', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });
});

describe('kept results', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'pgdrill-kept-'));
  });
  afterAll(() => rm(directory, { recursive: true }));
  const held = (): Promise<void> => Promise.resolve();
  const unasked = (): Promise<string> => Promise.reject(new Error('asked again'));

  it('answer a next attempt, also behind a line that was cut short, and no other operation', async () => {
    const path = join(directory, 'kept');
    const first = await KeptResults.open(path, 'one', held);
    expect(await first.once('a', () => Promise.resolve('found'))).toBe('found');
    await first.once('b', () => Promise.resolve(null));
    await expect(first.once('c', unasked)).rejects.toThrow('asked again');
    await first.close();
    await writeFile(path, `${await readFile(path, 'utf8')}["d",[{"what":"cut sh`);

    const second = await KeptResults.open(path, 'one', held);
    expect(await second.once('a', unasked)).toBe('found');
    expect(await second.once('b', unasked)).toBeNull();
    expect(second.has('d')).toBe(false);
    await second.once('d', () => Promise.resolve('whole'));
    await second.close();
    const third = await KeptResults.open(path, 'one', held);
    expect(await third.once('d', unasked)).toBe('whole');
    await third.close();
    const other = await KeptResults.open(path, 'two', held);
    expect(other.has('a')).toBe(false);
    await other.close();
  });

  it('are left alone by an attempt that was taken for dead', async () => {
    const path = join(directory, 'superseded');
    const early = await KeptResults.open(path, 'one', () => Promise.reject(new Error('superseded')));
    await expect(early.once('a', () => Promise.resolve('found'))).rejects.toThrow('superseded');
    await early.close();
    expect(await readFile(path, 'utf8')).not.toContain('found');
  });
});
