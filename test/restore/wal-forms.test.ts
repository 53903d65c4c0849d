import { execFileSync } from 'node:child_process';
import { chmod, chown, copyFile, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { endOfRecords } from '../../src/postgres/end-of-records.js';
import { readWal } from '../../src/postgres/wal-content.js';
import { dumpWal, type WalRange } from '../../src/postgres/waldump.js';
import { zeroFrom } from '../../src/repository/wal-window.js';
import { type Compression, suffixOf } from '../../src/repository/wal-files.js';
import { removeSandbox } from '../../src/restore/sandbox.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { column, planTo, prepare, restoreTo, sandboxFor } from './restore-support.js';

// One source: a backup, eleven finished segments behind it, and rows that lie only in the segment that the server writes now.
let shop: ProtectedCluster;
let range: WalRange;
const segmentSizeBytes = 1024 * 1024;

const finished = async (): Promise<string[]> =>
  (await readdir(shop.patient.walDirectory)).filter((name) => /^[0-9A-F]{24}$/.test(name)).sort();

/** What an archiver of another kind leaves: a compressed file instead of the segment, of the same owner. */
async function compress(segment: string, compression: Compression): Promise<void> {
  const path = join(shop.patient.walDirectory, segment);
  const { uid, gid } = await stat(path);
  execFileSync('/bin/sh', ['-c', `${compression} -c "$1" > "$2"`, 'sh', path, `${path}.${suffixOf[compression]}`]);
  await chown(`${path}.${suffixOf[compression]}`, uid, gid);
  await rm(path);
}

async function lines(): Promise<string[]> {
  const seen: string[] = [];
  await dumpWal(shop.tools, range, [], { onLine: (line) => seen.push(line) });
  return seen;
}

beforeAll(async () => {
  shop = await protectCluster({ initdbArgs: ['--wal-segsize=1'] });
  await shop.sql('create table r (name text); create table filler (t text)');
  const { endLsn, timeline } = await shop.backup('full');
  // One record that is longer than eight segments, so that no piece of the compressed WAL holds it.
  await shop.sql(`insert into filler select repeat('x', 700) from generate_series(1, 1500);
                  select pg_logical_emit_message(true, 'pgdrill', repeat('m', 9 * 1024 * 1024))`);
  await shop.sql(`insert into r values ('archived')`);
  const to = await shop.archive();
  range = { walDirectory: shop.patient.walDirectory, timeline, from: endLsn, to, segmentSizeBytes };
});
afterAll(() => shop.remove());

describe('a restore from an archive whose last segment is partial', () => {
  it('has what lies only there, and takes nothing from behind its last whole record', async () => {
    await shop.sql(`insert into r values ('only in the partial segment')`);
    const [now] = await shop.sql<{ segment: string; offset: string }>(
      `select file_name as segment, file_offset::text as offset from pg_walfile_name_offset(pg_current_wal_flush_lsn())`,
    );
    const { segment, offset } = now!;
    const partial = join(shop.patient.walDirectory, `${segment}.partial`);
    await copyFile(join(shop.source.dataDirectory, 'pg_wal', segment), partial);
    const { uid, gid } = await stat(shop.patient.walDirectory);
    await chown(partial, uid, gid);
    // What a recycled file has behind its records: WAL that was valid once, elsewhere.
    const [first] = await finished();
    const bytes = execFileSync('head', ['-c', '100000', join(shop.patient.walDirectory, first!)]);
    await zeroFrom(partial, Number(offset));
    execFileSync('dd', [`of=${partial}`, 'bs=1', `seek=${Number(offset) + 64}`, 'conv=notrunc', 'status=none'], {
      input: bytes.subarray(0, 20_000),
    });
    const plan = await planTo(shop, 'latest');
    const end = await endOfRecords(shop.tools, { ...range, from: range.to, to: 'FF/0' }, new AbortController().signal);
    expect([plan.wal.to <= end!, end! > range.to]).toEqual([true, true]);

    const { sandbox } = await restoreTo(shop, 'latest');
    try {
      expect(await column(sandbox, `select string_agg(name, ', ' order by name) from r`)).toEqual([
        'archived, only in the partial segment',
      ]);
    } finally {
      await removeSandbox(shop.tools, sandbox);
      await rm(partial);
    }
  });

  it('without it, has what the finished segments have', async () => {
    const { sandbox } = await restoreTo(shop, 'latest');
    try {
      expect(await column(sandbox, `select string_agg(name, ', ') from r`)).toEqual(['archived']);
    } finally {
      await removeSandbox(shop.tools, sandbox);
    }
  });

  it('is refused where the partial segment is gone between plan and preparation', async () => {
    const [now] = await shop.sql<{ segment: string }>(`select pg_walfile_name(pg_current_wal_flush_lsn()) as segment`);
    const partial = join(shop.patient.walDirectory, `${now!.segment}.partial`);
    await copyFile(join(shop.source.dataDirectory, 'pg_wal', now!.segment), partial);
    await chmod(partial, 0o644);
    const plan = await planTo(shop, 'latest');
    await rm(partial);
    const sandbox = sandboxFor(shop, plan);
    try {
      await expect(prepare(shop, plan, sandbox)).rejects.toThrow(/cannot be read|ends at/);
    } finally {
      await removeSandbox(shop.tools, sandbox);
    }
  });
});

describe('compressed segments', () => {
  it('read the same as plain ones, records longer than what is unpacked at a time included', async () => {
    const plain = await lines();
    const content = await readWal(shop.tools, range);
    const segments = await finished();
    const methods = ['gzip', 'lz4', 'zstd'] as const;
    for (const [index, segment] of segments.slice(0, -1).entries()) await compress(segment, methods[index % 3]!);
    expect(await lines()).toEqual(plain);
    expect(await readWal(shop.tools, range)).toEqual(content);
  });

  it('are restored from', async () => {
    const { sandbox } = await restoreTo(shop, `lsn=${range.to}`);
    try {
      expect(await column(sandbox, `select string_agg(name, ', ') from r`)).toEqual(['archived']);
    } finally {
      await removeSandbox(shop.tools, sandbox);
    }
  });

  it('that are damaged stop a restore before it begins', async () => {
    const [name] = (await readdir(shop.patient.walDirectory)).filter((each) => each.endsWith('.zst'));
    execFileSync('dd', [
      `of=${join(shop.patient.walDirectory, name!)}`,
      'if=/dev/zero',
      'bs=1',
      'seek=40',
      'count=200',
      'conv=notrunc',
      'status=none',
    ]);
    await expect(planTo(shop, 'latest').then((plan) => prepare(shop, plan, sandboxFor(shop, plan)))).rejects.toThrow(
      `${name!} cannot be unpacked`,
    );
  });
});
