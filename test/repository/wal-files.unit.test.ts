import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { recordEnd } from '../../src/postgres/end-of-records.js';
import { continuityFrom, listWalArchive } from '../../src/repository/wal-archive.js';
import { listWalFiles, parseWalFileName } from '../../src/repository/wal-files.js';
import { partialAfter } from '../../src/repository/wal-reach.js';
import { restoreCommand } from '../../src/restore/sandbox-settings.js';

const size = 16 * 1024 * 1024;
const segment = '000000010000000000000003';

describe('the forms of a segment', () => {
  it.each([
    [segment, 'plain'],
    [`${segment}.partial`, 'partial'],
    [`${segment}.gz`, 'gzip'],
    [`${segment}.lz4`, 'lz4'],
    [`${segment}.zst`, 'zstd'],
  ])('%s is %s', (name, form) => {
    expect(parseWalFileName(name, size)).toEqual({ name, segment, timeline: 1, number: 3n, form });
  });

  it.each([
    `${segment}.gz.partial`,
    `${segment}.tmp`,
    `${segment}.00000028.backup`,
    '00000002.history',
    `.${segment}`,
    `${segment}.gz.new`,
  ])('%s is no segment', (name) => {
    expect(parseWalFileName(name, size)).toBeUndefined();
  });
});

describe('a record’s end', () => {
  it.each([
    ['within a page, aligned', '0/3000028', 30, '0/3000048'],
    ['at a page’s end, before the next one’s header', '0/3001FE0', 32, '0/3002000'],
    ['across a page’s header', '0/3001FE0', 40, '0/3002020'],
    ['across a segment’s first header', '0/3FFFFE0', 40, '0/4000030'],
    ['across several pages', '0/3000028', 8152 + 8168 + 8, '0/3004020'],
  ])('%s', (_, lsn, length, end) => {
    expect(recordEnd(lsn, length, size)).toBe(end);
  });
});

describe('an archive directory', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp('/tmp/pgdt-');
  });
  afterEach(() => rm(directory, { recursive: true }));
  const put = (...names: string[]): Promise<unknown> =>
    Promise.all(names.map((name) => writeFile(join(directory, name), '')));

  it('shows each segment once, in its best form', async () => {
    await put(`${segment}.partial`, `${segment}.gz`, segment, '000000010000000000000004.partial');
    await put('000000010000000000000004.zst');
    const files = await listWalFiles(directory, size);
    expect([...files.values()].map(({ name }) => name).sort()).toEqual([segment, '000000010000000000000004.zst']);
  });

  it('counts compressed segments as finished and partial ones apart', async () => {
    await put(`${segment}.lz4`, '000000010000000000000004', '000000010000000000000005.partial');
    const archive = await listWalArchive(directory, size);
    expect(continuityFrom(archive, [{ timeline: 1 }], '0/3000028')).toEqual({ endLsn: '0/5000000', gap: undefined });
    expect(partialAfter(archive, [{ timeline: 1 }], '0/3000028')).toMatchObject({ timeline: 1, number: 5n });
  });

  it('takes a partial segment only right behind the finished ones', async () => {
    await put(segment, '000000010000000000000005.partial');
    const archive = await listWalArchive(directory, size);
    expect(partialAfter(archive, [{ timeline: 1 }], '0/3000028')).toBeUndefined();
  });

  it('takes the partial segment of the youngest timeline, even where an ancestor has it finished', async () => {
    await put(segment, '000000010000000000000004', '000000020000000000000004.partial');
    const archive = await listWalArchive(directory, size);
    const history = [{ timeline: 1, endLsn: '0/4000100' }, { timeline: 2 }];
    expect(continuityFrom(archive, history, '0/3000028').endLsn).toBe('0/4000000');
    expect(partialAfter(archive, history, '0/3000028')).toMatchObject({ timeline: 2, number: 4n });
  });

  it('does not follow an ancestor’s partial segment beyond the place where it was left', async () => {
    await put(segment, '000000010000000000000004', '000000010000000000000005.partial');
    const archive = await listWalArchive(directory, size);
    const history = [{ timeline: 1, endLsn: '0/4000100' }, { timeline: 2 }];
    expect(partialAfter(archive, history, '0/3000028')).toBeUndefined();
  });
});

describe('restore_command', () => {
  it('escapes what the server and the shell would read', () => {
    expect(restoreCommand(`/w%l/it's`)).toContain(`cp '/w%%l/it'\\''s'/%f "%p"`);
  });
});
