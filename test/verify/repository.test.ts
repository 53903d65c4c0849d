import { open, readdir, readFile, readlink, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { checkArchiveGaps } from '../../src/doctor/archive-gaps.js';
import { makePrivateDirectory } from '../../src/files/durable.js';
import { standaloneContext, type StepContext } from '../../src/process/step-context.js';
import { keys, openRepository } from '../../src/repository/repository.js';
import { removeSandbox } from '../../src/restore/sandbox.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import type { Finding } from '../../src/schema/results.js';
import { acknowledge, withdraw } from '../../src/verify/acknowledge.js';
import { verificationKey } from '../../src/verify/reports.js';
import { findArchiveGaps, type Found, verifyRepository } from '../../src/verify/verify.js';
import { openFindings, type Verification } from '../../src/schema/verification.js';
import { column, flipByte, restoreTo } from '../restore/restore-support.js';
import { promoteInPlace } from '../support/promote.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';

let shop: ProtectedCluster;
let chain: BackupRecord[];

beforeAll(async () => {
  shop = await protectCluster({ initdbArgs: ['--wal-segsize=1'] });
  const outside = join(shop.scratch, 'a place = "outside"');
  await makePrivateDirectory(outside);
  await shop.sql(`create tablespace "out side" location '${outside}'`);
  await shop.sql(`create table t tablespace "out side" as select i from generate_series(1, 1000) i`);
  chain = [await shop.backup('full')];
  await shop.sql(`insert into t select i from generate_series(1001, 2000) i`);
  chain.push(await shop.backup('incremental'));
  await shop.sql(`insert into t select i from generate_series(2001, 2500) i`);
  for (let segment = 0; segment < 3; segment++) {
    await shop.sql(
      `insert into t select i from generate_series(1, 2000) i; delete from t where i > 2500 or ctid in (select ctid from t order by ctid desc limit 2000)`,
    );
    await shop.archive();
  }
});
afterAll(() => shop.remove());

/** The same cluster, as a configuration on another host would have it. */
async function movedTo(path: string): Promise<ProtectedCluster> {
  const patient = { ...shop.patient, repository: path, walDirectory: join(path, 'wal') };
  return { ...shop, patient, repository: await openRepository(patient) };
}

it('restores from a copy of the repository at another place, though the first one is gone', async () => {
  const { path } = shop.repository;
  const elsewhere = join(shop.scratch, 'another host', 'repository');
  await makePrivateDirectory(join(elsewhere, '..'));
  await execa('cp', ['-a', path, elsewhere]);
  await rename(path, `${path}-gone`);
  const moved = await movedTo(elsewhere);
  const { sandbox, plan } = await restoreTo(moved, 'latest');
  try {
    expect(plan.chain.map(({ id }) => id)).toEqual(chain.map(({ id }) => id));
    expect(await column(sandbox, 'select count(*) from t')).toEqual(['2500']);
    expect(
      await column(sandbox, `select pg_tablespace_location(oid) from pg_tablespace where spcname = 'out side'`),
    ).toEqual([join(sandbox.directory, 'tablespaces', String(chain[0]!.tablespaces[0]!.oid))]);
  } finally {
    await removeSandbox(shop.tools, sandbox);
    await rename(`${path}-gone`, path);
  }
});

it('never reads the original beside which a copy lies', async () => {
  const copy = join(shop.scratch, 'copy');
  await execa('cp', ['-a', shop.repository.path, copy]);
  const moved = await movedTo(copy);
  const { sandbox } = await restoreTo(moved, 'immediate');
  try {
    for (const { id, tablespaces } of chain) {
      const [{ oid, directory }] = tablespaces as [BackupRecord['tablespaces'][number]];
      const link = (root: string): Promise<string> =>
        readlink(join(root, keys.backup(id), 'data/pg_tblspc', String(oid)));
      expect(await link(copy)).toBe(join(copy, keys.backup(id), directory));
      expect(await link(shop.repository.path)).toBe(join(shop.repository.path, keys.backup(id), directory));
    }
  } finally {
    await removeSandbox(shop.tools, sandbox);
  }
});

it('says what is missing where a tablespace was left behind', async () => {
  const copy = join(shop.scratch, 'incomplete');
  await execa('cp', ['-a', shop.repository.path, copy]);
  await rename(join(copy, keys.backup(chain[0]!.id), 'tablespaces'), join(shop.scratch, 'left-behind'));
  await expect(restoreTo(await movedTo(copy), 'latest')).rejects.toThrow(/has lost its tablespace "out side"/);
});

let copies = 0;
let operations = 0;

/** A copy of the repository, to be damaged. */
async function copied(): Promise<ProtectedCluster> {
  const copy = join(shop.scratch, `damaged-${++copies}`);
  await execa('cp', ['-a', shop.repository.path, copy]);
  return await movedTo(copy);
}

async function verify(
  { tools, repository, patient }: ProtectedCluster,
  context: StepContext = standaloneContext(`verify/${++operations}`),
): Promise<Found> {
  return await verifyRepository(
    tools,
    { repository, walDirectory: patient.walDirectory, maxRateBytes: undefined },
    context,
  );
}

const ids = ({ findings }: Found): string[] => findings.map(({ id }) => id);

/** The archived segments behind the chain's end, oldest first. */
async function segmentsOf({ patient }: ProtectedCluster): Promise<string[]> {
  const names = (await readdir(patient.walDirectory)).filter((name) => /^[0-9A-F]{24}$/.test(name)).sort();
  const end = chain[1]!.endLsn.split('/');
  const last = `00000001${end[0]!.padStart(8, '0')}${(parseInt(end[1]!, 16) >>> 20).toString(16).toUpperCase().padStart(8, '0')}`;
  return names.filter((name) => name > last);
}

async function patch(path: string, position: number, bytes: Buffer): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, position);
  await file.close();
}

/** A file of the full backup that holds a table's rows. By its real path: a copy's link still leads into the original. */
async function tableFile(place: ProtectedCluster): Promise<[name: string, path: string]> {
  const [{ path } = { path: '' }] = await shop.sql<{ path: string }>(`select pg_relation_filepath('t') as path`);
  const files = join(place.repository.path, keys.backup(chain[0]!.id), 'tablespaces');
  return [path, join(files, path.replace(/^pg_tblspc\//, ''))];
}

describe('a verification', () => {
  it('finds nothing in a repository that is whole, and says how much it looked at', async () => {
    const found = await verify(shop);
    expect(found).toMatchObject({ findings: [], notLookedAt: [], verified: { backups: 2, evidence: 0 } });
    const segments = (await readdir(shop.patient.walDirectory)).filter((name) => /^[0-9A-F]{24}$/.test(name));
    expect(found.verified).toMatchObject({ walSegments: segments.length, walBytes: segments.length * 1_048_576 });
    expect(found.verified.backupBytes).toBeGreaterThan(chain[0]!.sizeBytes / 2);
    expect(found.verified.backupFiles).toBeGreaterThan(1_000);
  });

  it('names every damage of the WAL archive, and whom it cuts off', async () => {
    const place = await copied();
    const wal = (name: string): string => join(place.patient.walDirectory, name);
    const [gone = '', short = '', last = ''] = await segmentsOf(place);
    await rm(wal(gone));
    await truncate(wal(short), 800_000);
    await writeFile(wal(`${last}.gz`), gzipSync(await readFile(wal(last)), { level: 1 }));
    expect(ids(await verify(place))).toEqual([`wal-gap/${gone}`, `wal-size/${short}`]);
    expect(
      (await findArchiveGaps(place.repository, place.patient.walDirectory, new AbortController().signal))[0],
    ).toMatchObject({
      id: `wal-gap/${gone}`,
      what: expect.stringContaining(`replay from ${chain[0]!.id}, ${chain[1]!.id} does not get past it`) as string,
    });

    // One bit of the plain one, behind its header: the two forms tell different things now.
    await flipByte(wal(last), 1_000_000);
    await writeFile(wal('notes.txt'), 'who put this here?');
    await writeFile(wal('00000003.history'), '2\t0/9000000\tno recovery target specified\n');
    expect(ids(await verify(place))).toEqual([
      `timeline-history-missing/00000002.history`,
      `wal-differs/${last}+${last}.gz`,
      `wal-gap/${gone}`,
      `wal-size/${short}`,
      'foreign-file/wal/notes.txt',
    ]);
  });

  it('reads every record: damage inside of a segment shows, and what lies behind it is still looked at', async () => {
    const place = await copied();
    const wal = (name: string): string => join(place.patient.walDirectory, name);
    const [first = '', second = '', third = ''] = await segmentsOf(place);
    // Behind the first page: its header is right, and so are size and name.
    await flipByte(wal(second), 8_192 + 200);
    await rename(wal(third), wal(`${third}.away`));
    await execa('sh', ['-c', 'gzip < "$1" > "$2"', 'sh', wal(`${third}.away`), wal(`${third}.gz`)]);
    await rm(wal(`${third}.away`));
    const found = await verify(place);
    expect(ids(found)).toEqual([`wal-damaged/${second}`]);
    expect(found.findings[0]!.what).toMatch(
      /cannot read its records beyond 0\/[0-9A-F]+ \(error in WAL record at 0\/[0-9A-F]+: /,
    );
    await flipByte(wal(first), 8_192 + 200);
    expect(ids(await verify(place))).toEqual([`wal-damaged/${first}`, `wal-damaged/${second}`]);
  });

  it('knows a segment that is not what its name says', async () => {
    const place = await copied();
    const wal = (name: string): string => join(place.patient.walDirectory, name);
    const [one = '', other = '', foreign = ''] = await segmentsOf(place);
    await rename(wal(one), wal('held'));
    await rename(wal(other), wal(one));
    await rename(wal('held'), wal(other));
    await patch(wal(foreign), 24, Buffer.from('0102030405060708', 'hex'));
    const found = await verify(place);
    expect(ids(found)).toEqual([`wal-foreign/${foreign}`, `wal-header/${one}`, `wal-header/${other}`]);
    expect(found.findings[1]!.what).toMatch(/it holds the WAL from [0-9A-F/]+, and its name says [0-9A-F/]+/);
    await patch(wal(one), 0, Buffer.from([0x13, 0xd1]));
    expect((await verify(place)).findings[1]!.what).toContain(
      'its magic number is 0xD113, and that of PostgreSQL 17 is 0xD116',
    );
  });

  it('names every damage of backups and evidence', async () => {
    const place = await copied();
    const [full, incremental] = [chain[0]!.id, chain[1]!.id];
    const root = place.repository.path;
    const [name, path] = await tableFile(place);
    await flipByte(path, 4_000);
    await rm(join(root, keys.backup(incremental), 'data', 'PG_VERSION'));
    await execa('mkdir', [
      '-p',
      join(root, 'evidence/drill-1'),
      join(root, 'evidence/empty'),
      join(root, 'backups/mine'),
    ]);
    await writeFile(join(root, 'evidence/drill-1/evidence.json'), '{"formatVersion": 1');
    await writeFile(join(root, 'notes.txt'), 'who put this here?');
    const found = await verify(place);
    expect(ids(found).map((id) => id.replace(/(backup-files\/.+)\/[0-9a-f]{8}$/, '$1'))).toEqual([
      `backup-checksum/${full}/${name}`,
      `backup-files/${incremental}`,
      'backup-without-record/mine',
      'evidence-damaged/evidence/drill-1/evidence.json',
      'foreign-file/evidence/empty',
      'foreign-file/notes.txt',
    ]);
    expect(found.findings[1]!.what).toContain('PG_VERSION');

    await rename(join(root, keys.record(full)), join(root, keys.backup(full), 'hidden.json'));
    await flipByte(join(root, keys.backup(incremental), 'data/backup_manifest'), 200);
    expect(ids(await verify(place))).toEqual(
      expect.arrayContaining([
        `backup-without-record/${full}`,
        `backup-chain/${incremental}`,
        `backup-manifest/${incremental}`,
      ]),
    );
  });

  it('goes on where an earlier attempt stopped, and a new one looks at everything again', async () => {
    const place = await copied();
    const operation = `verify/stopped-${++operations}`;
    const cancel = new AbortController();
    const reason = new Error('the worker died');
    const half = chain[0]!.sizeBytes / 2;
    const stopped = verify(place, {
      ...{ operation, attempt: 1, signal: cancel.signal },
      progress: ({ doneBytes = 0 }) => doneBytes > half && cancel.abort(reason),
    });
    await expect(stopped).rejects.toBe(reason);
    // Broken behind the back of whoever has looked: the first file that was read.
    const kept = (await readFile(join(place.repository.path, 'verify/.kept-results'), 'utf8')).split('\n');
    const first = kept.map((line) => /^\["content (\S+) (base\S+) /.exec(line)).find((match) => match !== null)!;
    const size = (await readFile(join(place.repository.path, keys.backup(first[1]!), 'data', first[2]!))).length;
    await flipByte(join(place.repository.path, keys.backup(first[1]!), 'data', first[2]!), Math.floor(size / 2));
    const total: number[] = [];
    const again = await verify(place, {
      ...{ operation, attempt: 2, signal: new AbortController().signal },
      progress: ({ doneBytes = 0 }) => total.push(doneBytes),
    });
    expect(ids(again)).toEqual([]);
    expect(total.at(-1)).toBeGreaterThan(chain[0]!.sizeBytes);
    expect(ids(await verify(place))).toEqual([`backup-checksum/${first[1]!}/${first[2]!}`]);
  });

  it('shows what was acknowledged and does not fail for it, until it is withdrawn', async () => {
    const place = await copied();
    const [gone = '', next = ''] = await segmentsOf(place);
    await rm(join(place.patient.walDirectory, gone));
    const id = `wal-gap/${gone}`;
    const accept = { by: 'ada', reason: 'disk lost in May' };
    await expect(acknowledge(place.repository, id, accept)).rejects.toThrow('has no finding');
    const report = async (): Promise<Found> => {
      const found = await verify(place);
      const times = { startedAt: new Date().toISOString(), finishedAt: new Date().toISOString() };
      const verification: Verification = {
        ...{
          formatVersion: 1,
          id: 'v',
          cluster: 'shop',
          workflowId: 'w',
          runId: 'r',
          ...times,
          verdict: 'failed',
          ...found,
        },
        versions: { pgdrill: '0', postgres: '17', node: '20' },
      };
      await place.repository.storage.writeText(verificationKey('v'), JSON.stringify(verification));
      return found;
    };
    expect(openFindings((await report()).findings).map((each) => each.id)).toEqual([id]);
    const warnings = (): Promise<Finding[]> =>
      checkArchiveGaps(place.repository, place.patient.walDirectory, new AbortController().signal);
    expect(await warnings()).toMatchObject([
      {
        level: 'warning',
        message: expect.stringMatching(
          new RegExp(`${gone} is missing .*: replay from ${chain.map((each) => each.id).join(', ')} does not get past`),
        ) as string,
        fix: expect.stringContaining(`pgdrill repo acknowledge shop ${id}`) as string,
      },
    ]);
    await expect(acknowledge(place.repository, id.slice(0, -1), accept)).rejects.toThrow(`Did you mean "${id}"?`);
    await expect(acknowledge(place.repository, id, { by: 'ada', reason: ' ' })).rejects.toThrow('needs a reason');
    await acknowledge(place.repository, id, accept);
    const known = await report();
    expect(openFindings(known.findings)).toEqual([]);
    expect(known.findings).toMatchObject([{ id, acknowledged: accept }]);
    expect(await warnings()).toEqual([]);
    // A gap that has grown is another one: nobody has accepted that.
    await rm(join(place.patient.walDirectory, next));
    expect(openFindings((await report()).findings).map((each) => each.id)).toEqual([`wal-gap/${gone}-${next}`]);
    await withdraw(place.repository, id);
    await expect(withdraw(place.repository, id)).rejects.toThrow('was never acknowledged');
  });

  it('follows a promotion, and sees where the two timelines tell their common past differently', async () => {
    await promoteInPlace(shop.source);
    await shop.sql('insert into t values (0)');
    for (let segment = 0; segment < 2; segment++) await shop.archive();
    expect(ids(await verify(shop))).toEqual([]);
    const place = await copied();
    const wal = (name: string): string => join(place.patient.walDirectory, name);
    const history = await readFile(wal('00000002.history'), 'utf8');
    const [, high = '', low = ''] = /^1\t([0-9A-F]+)\/([0-9A-F]+)/.exec(history) ?? [];
    const number = (parseInt(low, 16) >>> 20).toString(16).toUpperCase().padStart(8, '0');
    const [old, young] = [1, 2].map(
      (timeline) => `${String(timeline).padStart(8, '0')}${high.padStart(8, '0')}${number}`,
    );
    const names = await readdir(place.patient.walDirectory);
    expect(names).toContain(young);
    // As the server archives it: whole, or with the ending of a segment that was left in its middle.
    const left = [old!, `${old!}.partial`].find((name) => names.includes(name));
    expect(left).toBeDefined();
    await flipByte(wal(left!), 100);
    expect(ids(await verify(place))).toEqual([
      ...(left === old ? [`wal-damaged/${old!}`] : []),
      `wal-differs/${young!}+${left!}`,
    ]);

    await writeFile(wal('00000002.history'), history.replace(`${high}/${low}`, `${high}/FF000000`));
    expect(ids(await verify(place))).toContain(`wal-before-timeline/${young!}`);
  });
});
