import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { copyWithOwner } from '../../src/files/copy-with-owner.js';
import { makePrivateDirectory } from '../../src/files/durable.js';
import { parseConninfo } from '../../src/postgres/conninfo.js';
import { withConnection } from '../../src/postgres/connection.js';
import { lsnToBigInt } from '../../src/postgres/lsn.js';
import { readSlot } from '../../src/postgres/replication-slot.js';
import { readTimelineHistory } from '../../src/postgres/timeline.js';
import { standaloneContext } from '../../src/process/step-context.js';
import { listWalArchive } from '../../src/repository/wal-archive.js';
import { listWalFiles } from '../../src/repository/wal-files.js';
import type { StreamedWal } from '../../src/repository/wal-mode.js';
import { reachOf } from '../../src/repository/wal-reach.js';
import { removeSandbox } from '../../src/restore/sandbox.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import type { StreamStretch } from '../../src/schema/stream.js';
import { Alarms } from '../../src/stream/alarms.js';
import { receiveWal } from '../../src/stream/receive.js';
import type { Stream } from '../../src/stream/stream.js';
import { findArchiveGaps } from '../../src/verify/verify.js';
import { column, restoreTo } from '../restore/restore-support.js';
import { crashSource } from '../support/crash.js';
import { eventually } from '../support/programs.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { bothHosts, makeStandby, type Standby } from '../support/standby.js';

// A stream over a connection with two hosts, whose primary dies. The tests tell the story in order.
const segmentSizeBytes = 1024 * 1024;
const { signal } = new AbortController();
const wal: StreamedWal = { mode: 'stream', slot: 'pgdrill_shop', synchronous: false, compression: 'none' };

let shop: ProtectedCluster;
let standby: Standby;
let stream: Stream;
let full: BackupRecord;

beforeAll(async () => {
  shop = await protectCluster({
    wal,
    initdbArgs: ['--wal-segsize=1'],
    // The background writer logs a snapshot now and then: nothing is to come behind the last switch of segments.
    settings: { min_wal_size: '2MB', max_wal_size: '4MB', bgwriter_delay: '10s' },
  });
  await shop.sql('create table r (name text); create table filler (txt text)');
  standby = await makeStandby(shop);
  const { repository, patient } = shop;
  const connection = parseConninfo(bothHosts(shop, standby));
  stream = { name: 'shop', connection, repository, walDirectory: patient.walDirectory, wal };
});
afterAll(async () => {
  // What a failed beforeAll did not make is undefined.
  await (standby as Standby | undefined)?.remove();
  await (shop as ProtectedCluster | undefined)?.remove();
});

/** Streams while something is done, which is told of the stream's end. */
async function streaming(meanwhile: (ended: Promise<StreamStretch>) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const options = { stretchMs: 600_000, segmentSizeBytes, alarms: new Alarms(() => Promise.resolve()) };
  const ended = receiveWal(shop.tools, stream, options, { ...standaloneContext('stream'), signal: stop.signal });
  ended.catch(() => undefined);
  try {
    await meanwhile(ended);
  } finally {
    stop.abort(new Error('enough'));
    await ended.catch(() => undefined);
  }
}

const received = (timeline: number): Promise<true> =>
  eventually(`a finished segment of timeline ${timeline}`, async () => {
    const begin = timeline.toString(16).toUpperCase().padStart(8, '0');
    const names = await readdir(stream.walDirectory);
    return names.some((name) => name.length === 24 && name.startsWith(begin)) ? true : undefined;
  });

it('goes on at the standby that was promoted, with a slot of its own and without a gap', async () => {
  await streaming(async () => {
    await eventually('the stream to run', () =>
      withConnection(shop.admin, async (client) =>
        (await readSlot(client, wal.slot))?.active === true ? true : undefined,
      ),
    );
    full = await shop.backup('full');
    await shop.sql(`insert into r values ('before')`);
    await shop.archive();
    await standby.caughtUp();
    await crashSource(shop);
    await standby.sql('select pg_promote()');
    await standby.sql(`insert into r values ('after'); select pg_switch_wal()`);
    await received(2);
  });
  expect(await standby.sql('select slot_name from pg_replication_slots')).toEqual([{ slot_name: wal.slot }]);
  expect(await findArchiveGaps(shop.repository, stream.walDirectory, signal)).toEqual([]);
  const { sandbox } = await restoreTo(shop, 'latest');
  try {
    expect(await column(sandbox, 'select name from r')).toEqual(['before', 'after']);
  } finally {
    await removeSandbox(shop.tools, sandbox);
  }
});

it('a stream that is killed before the first WAL of the new timeline has come leaves nothing that counts as WAL', async () => {
  const [{ endLsn: fork = '0/0' } = {}] = (await readTimelineHistory(stream.walDirectory, 2)) ?? [];
  // The primary died right behind a switch of segments: there is nothing of its timeline to go on with.
  expect(lsnToBigInt(fork) % BigInt(segmentSizeBytes)).toBe(0n);
  const files = [...(await listWalFiles(stream.walDirectory, segmentSizeBytes)).values()];
  const left = join(shop.scratch, 'left');
  await makePrivateDirectory(left);
  for (const { name } of [...files.filter(({ timeline }) => timeline === 1), { name: '00000002.history' }])
    await copyWithOwner(join(stream.walDirectory, name), join(left, name));
  const [first] = files.filter(({ timeline }) => timeline === 2).sort((a, b) => Number(a.number - b.number));
  await writeFile(join(left, `${first!.segment}.partial`), '');
  const history = (await readTimelineHistory(left, 2)) ?? [];
  const archive = await listWalArchive(left, segmentSizeBytes);
  expect(await reachOf(shop.tools, archive, history, full.endLsn, signal)).toEqual({ endLsn: fork, gap: undefined });
  expect(await findArchiveGaps(shop.repository, left, signal)).toEqual([]);
});

it('says that there is a gap where the new primary has no slot and no WAL from where the archive ends', async () => {
  // The slot holds it back, and the summarizer until it has read it.
  await standby.sql(`select pg_drop_replication_slot('${wal.slot}')`);
  const [last = ''] = (await readdir(stream.walDirectory))
    .filter((name) => name.startsWith('00000002'))
    .sort()
    .toReversed();
  await eventually('the new primary to remove what was not received', async () => {
    const [{ here } = { here: true }] = await standby.sql<{ here: boolean }>(
      `insert into filler select repeat('f', 1000) from generate_series(1, 3000);
       checkpoint; select exists (select from pg_ls_waldir() where name = '${last.slice(0, 24)}') as here`,
    );
    return here ? undefined : true;
  });
  await streaming(async (ended) => {
    await expect(ended).rejects.toThrow(
      /The WAL stream of shop has a gap: it needs WAL segment [0-9A-F]{24} next.*pgdrill stream start shop --accept-gap/s,
    );
  });
});

it('does not go back to the old primary when somebody starts it again', async () => {
  await shop.source.start();
  await streaming(async (ended) => {
    await expect(ended).rejects.toThrow(
      /holds WAL of timeline 2, which the source has never been on.*two servers take writes.*pgdrill stream start shop/s,
    );
  });
});
