import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { clusterOf, type ResolvedCluster } from '../../src/configuration/cluster.js';
import type { LoadedConfiguration } from '../../src/configuration/load.js';
import { examine } from '../../src/doctor/doctor.js';
import { RepositoryError, ToolchainError, UnreachableError } from '../../src/errors.js';
import type { Conninfo } from '../../src/postgres/conninfo.js';
import { parseSegmentName, segmentNumberOf } from '../../src/postgres/wal-segment.js';
import { serverUser } from '../../src/process/server-user.js';
import { standaloneContext } from '../../src/process/step-context.js';
import { fetchWal } from '../../src/repository/fetch-wal.js';
import { planRestore, type RestorePlan } from '../../src/restore/plan.js';
import { prepareRestore } from '../../src/restore/prepare.js';
import { replayWal } from '../../src/restore/replay.js';
import { removeSandbox } from '../../src/restore/sandbox.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import type { DrillResult } from '../../src/schema/evidence.js';
import { column, moveOn, sandboxFor } from '../restore/restore-support.js';
import type { Target } from '../../src/schema/target.js';
import { eventually } from '../support/programs.js';
import { configure } from '../support/pgdrill-config.js';
import { type Runbook, startRunbook } from '../support/runbook.js';
import { type RunningWorker, start, startWorker } from '../support/temporal.js';
import { verifyRepository } from '../../src/verify/verify.js';

// A cluster that somebody archives already, in a way of their own: compressed, a directory for each timeline. pgdrill is given the command
// that brings it back.
let book: Runbook;
let loaded: LoadedConfiguration;
let cluster: ResolvedCluster;
let worker: RunningWorker;
let archive: string;
let full: BackupRecord;
const segmentSizeBytes = 1024 * 1024;
const { signal } = new AbortController();

const archiveScript = (root: string): string => `#!/bin/sh
# archive-wal PATH NAME
timeline=$(echo "$2" | cut -c1-8)
mkdir -p ${root}/$timeline && gzip -c "$1" > ${root}/$timeline/$2.tmp && mv ${root}/$timeline/$2.tmp ${root}/$timeline/$2.gz
`;
const restoreScript = (root: string): string => `#!/bin/sh
# restore-wal NAME PATH: 1 where there is no such file, 126 where the archive is not there
echo "$1" >> ${root}.asked
test -d ${root} || { echo "the archive is not mounted" >&2; exit 126; }
file=${root}/$(echo "$1" | cut -c1-8)/$1.gz
test -f "$file" || exit 1
gunzip -c "$file" > "$2"
`;

const fetchedNames = async (): Promise<string[]> => (await readdir(cluster.walDirectory)).sort();
const archived = async (): Promise<string[]> =>
  (await readdir(join(archive, '00000001'))).filter((name) => name.endsWith('.gz')).sort();
const behindFull = (): Parameters<typeof fetchWal>[1] => ({
  ...{ walDirectory: cluster.walDirectory, segmentSizeBytes },
  from: { timeline: 1, lsn: full.endLsn },
});
/** What was fetched so far is forgotten. */
const forget = async (): Promise<void> => {
  for (const name of await fetchedNames()) await rm(join(cluster.walDirectory, name));
};

async function script(name: string, text: string): Promise<string> {
  const path = join(book.shop.scratch, name);
  await writeFile(path, text);
  await chmod(path, 0o755);
  return path;
}

/** Commits a row, and waits until it is archived. */
async function commit(id: number): Promise<void> {
  const before = await archived();
  await book.shop.sql(`insert into orders values (${id})`);
  await book.shop.sql(`select pg_switch_wal()`);
  await eventually('its segment to be archived', async () => (await archived()).length > before.length || undefined);
}

beforeAll(async () => {
  // Autovacuum commits when it likes; how much WAL a target time needs depends on where the next commit is.
  const settings = { autovacuum: 'off' };
  book = await startRunbook({ protect: { initdbArgs: ['--wal-segsize=1'], settings }, backups: [] });
  const { shop } = book;
  archive = join(shop.scratch, 'foreign-archive');
  await mkdir(archive);
  const user = serverUser();
  if (user !== undefined) execFileSync('chown', [`${user.uid}:${user.gid}`, archive]);
  await writeFile(`${archive}.asked`, '');
  await chmod(`${archive}.asked`, 0o666);
  const archiveWal = await script('archive-wal', archiveScript(archive));
  const restoreWal = await script('restore-wal', restoreScript(archive));
  await shop.sql(`alter system reset archive_library`);
  await shop.sql(`alter system set archive_command = '${archiveWal} "%p" %f'`);
  await shop.source.restart();
  loaded = await configure(shop, { cluster: `wal: { mode: command, restore_command: '${restoreWal} %f "%p"' }` });
  cluster = clusterOf(loaded, 'shop');
  worker = await startWorker(book.temporal, loaded);
});
afterAll(async () => {
  await worker.stop();
  await book.close();
});

describe('an archive that only a command reaches', () => {
  it('is found to work by the doctor, without a demand for pgdrill’s own settings', async () => {
    const findings = await examine(cluster, standaloneContext('doctor'));
    expect(findings.filter(({ level }) => level === 'error')).toEqual([]);
    expect(findings.find(({ name }) => name === 'restore_command')?.level).toBe('ok');
    expect(findings.find(({ name }) => name === 'archiving')?.message).toMatch(/segment \S+ arrived/);
    expect(findings.map(({ name }) => name)).not.toContain('archive_library');
  });

  it('is what a drill restores from', async () => {
    const handle = await start(book.temporal, loaded, 'drill', { cluster: 'shop', backup: 'full+incremental' });
    const result = (await handle.result()) as DrillResult;
    expect(result.verdict).toBe('passed');
    expect(await fetchedNames()).not.toEqual([]);
    full = await book.shop.backup('full');
    for (const id of [2001, 2002, 2003, 2004]) await commit(id);
  });

  it('is what a sabotage drill copies: it sees a segment that the copy has lost', async () => {
    const handle = await start(book.temporal, loaded, 'sabotageDrill', {
      cluster: 'shop',
      kind: 'deleted-wal-segment',
    });
    expect(await handle.result()).toMatchObject({
      verdict: 'passed',
      control: { drillVerdict: 'passed' },
      trials: [{ kind: 'deleted-wal-segment', drillVerdict: 'failed', seenBy: [{ by: 'step planRestore' }] }],
    });
  });

  it('is fetched from once', async () => {
    await fetchWal(cluster.wal, behindFull(), signal);
    const names = await fetchedNames();
    expect(names.every((name) => /^[0-9A-F]{24}$/.test(name))).toBe(true);
    await writeFile(`${archive}.asked`, '');
    await fetchWal(cluster.wal, behindFull(), signal);
    expect(await fetchedNames()).toEqual(names);
    // What is there is not asked for again; what is not might have come.
    const asked = (await readFile(`${archive}.asked`, 'utf8')).split('\n').filter(Boolean);
    expect(asked).toContain('00000002.history');
    expect(asked.filter((name) => names.includes(name))).toEqual([]);
  });

  it('is not looked at by repo verify, which says so', async () => {
    const { repository, tools } = book.shop;
    const { walDirectory, wal } = cluster;
    const found = await verifyRepository(
      tools,
      { repository, walDirectory, wal, maxRateBytes: undefined },
      standaloneContext('verify'),
    );
    expect(found.findings).toEqual([]);
    expect(found.notLookedAt.join()).toContain('reached by wal.restore_command');
  });
});

describe('what such a command says', () => {
  afterEach(forget);
  const plan = (target: Target = { kind: 'latest' }, source?: Conninfo): ReturnType<typeof planRestore> =>
    planRestore(book.shop.tools, {
      ...{ repository: book.shop.repository, walDirectory: cluster.walDirectory, wal: cluster.wal },
      ...{ target, fence: undefined, signal, ...(source === undefined ? {} : { source }) },
    });

  it('of a segment that is missing among others is a gap', async () => {
    const whole = await plan();
    expect(whole.wal.bytes).toBeGreaterThan(3 * segmentSizeBytes);
    await forget();
    const names = await archived();
    const lost = join(archive, '00000001', names.at(-2)!);
    await rename(lost, `${lost}.lost`);
    const refused = plan({ kind: 'lsn', lsn: whole.wal.to });
    await expect(refused).rejects.toThrow(RepositoryError);
    await expect(refused).rejects.toThrow(`WAL segment ${names.at(-2)!.replace('.gz', '')} is missing`);
    const less = await plan();
    expect(less.wal.bytes).toBeLessThan(whole.wal.bytes);
    expect(less.warnings.join()).toMatch(/WAL segment \S+ is missing .*: latest ends before it/);
    await rename(`${lost}.lost`, lost);
  });

  describe('of many that are missing:', () => {
    let names: string[];
    let whole: RestorePlan;
    const lost = (): string => join(book.shop.scratch, 'lost');
    /** Takes segments out of the archive, by their places in `names`; or all from one of them on. */
    const lose = async (from: number, to?: number): Promise<void> => {
      await mkdir(lost());
      const later = (await archived()).filter((name) => name >= names[from]!);
      for (const name of to === undefined ? later : later.slice(0, to - from))
        await rename(join(archive, '00000001', name), join(lost(), name));
    };
    beforeAll(async () => {
      for (let id = 0; id < 12; id += 1) await commit(2_100 + id);
      names = (await archived()).slice(-12);
      whole = await plan();
    });
    beforeEach(forget);
    afterEach(async () => {
      for (const name of await readdir(lost())) await rename(join(lost(), name), join(archive, '00000001', name));
      await rm(lost(), { recursive: true });
    });

    it.each([
      ['five are a gap, since one is there at twice the distance', 2, 7, false],
      ['nine before the very last one are a gap, since the source says what it has archived', 2, 11, true],
    ])('%s', async (_, from, to, asksSource) => {
      await lose(from, to);
      const missing = `WAL segment ${names[2]!.replace('.gz', '')} is missing`;
      const { warnings } = await plan({ kind: 'latest' }, asksSource ? cluster.connection : undefined);
      expect(warnings.join()).toContain(missing);
      const gaps = (await examine(cluster, standaloneContext('doctor'))).filter(({ name }) => name === 'archive gaps');
      expect(gaps).toMatchObject([{ level: 'warning', message: expect.stringContaining(missing) as string }]);
    });

    it('all to the end are missed where the source says that it archived them, and only there', async () => {
      const last = (await archived()).at(-1)!.replace('.gz', '');
      await lose(2);
      const said = new RegExp(`brings no WAL behind \\S+, though .*: the source says that it archived ${last}`);
      expect((await plan({ kind: 'latest' }, cluster.connection)).warnings.join()).toMatch(said);
      const beyond = plan({ kind: 'lsn', lsn: whole.wal.to }, cluster.connection);
      await expect(beyond).rejects.toThrow(RepositoryError);
      await expect(beyond).rejects.toThrow(said);
      expect((await plan({ kind: 'latest' }, { ...cluster.connection, host: '/nowhere' })).warnings).toEqual([]);
    });
  });

  it('is not asked for WAL behind the target time', async () => {
    const [row] = await book.shop.sql<{ at: string }>(`select clock_timestamp()::text as at`);
    for (let id = 0; id < 6; id += 1) await commit(2_200 + id);
    await writeFile(`${archive}.asked`, '');
    const { target } = await plan({ kind: 'time', time: row!.at });
    const asked = (await readFile(`${archive}.asked`, 'utf8'))
      .split('\n')
      .filter((name) => /^[0-9A-F]{24}$/.test(name));
    const needed = segmentNumberOf(target.lsn!, segmentSizeBytes) - segmentNumberOf(full.endLsn, segmentSizeBytes);
    expect(asked).toHaveLength(Number(needed) + 1);
    expect(parseSegmentName(asked.at(-1)!, segmentSizeBytes)?.number).toBe(
      segmentNumberOf(target.lsn!, segmentSizeBytes),
    );
    expect((await archived()).length).toBeGreaterThan(asked.length + 4);
  });

  it('of an archive that is away is no gap: it may come back', async () => {
    await rename(archive, `${archive}-away`);
    const failure = await plan().catch((error: unknown) => error);
    await rename(`${archive}-away`, archive);
    expect(failure).toBeInstanceOf(UnreachableError);
    expect(failure).toMatchObject({ retryable: true });
    expect((failure as Error).message).toMatch(/could not look for \S+: exit code 126, the archive is not mounted/);
    await expect(examine(cluster, standaloneContext('doctor'))).resolves.toBeDefined();
  });

  it('of a damaged segment stops the restore', async () => {
    const [name] = (await archived()).slice(-2);
    const path = join(archive, '00000001', name!);
    await rename(path, `${path}.kept`);
    execFileSync('/bin/sh', ['-c', `gunzip -c "$1" | head -c 1000 | gzip -c > "$2"`, 'sh', `${path}.kept`, path]);
    await expect(plan()).rejects.toThrow(/gave 1000 bytes for .*; a WAL segment of this cluster has 1048576/);
    await rename(`${path}.kept`, path);
  });

  it.each([
    ['success without a file', 'true %f %p', RepositoryError, /ended well for \S+, but wrote no file/],
    ['no such program', '/no/such/program %f %p', ToolchainError, /cannot be run: exit code 127/],
    ['death by a signal', 'kill -9 $$ # %f %p', UnreachableError, /could not look for \S+: it was ended by a signal/],
  ])('in error: %s', async (_, restoreCommand, kind, sentence) => {
    const failure = await fetchWal({ mode: 'command', restoreCommand }, behindFull(), signal).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(kind);
    expect((failure as Error).message).toMatch(sentence);
  });

  it('of a file that cannot exist is looked at by the doctor', async () => {
    const wal = { mode: 'command', restoreCommand: 'touch %p; # %f' } as const;
    const findings = await examine({ ...cluster, wal }, standaloneContext('doctor'));
    expect(findings.map(({ name }) => name)).not.toContain('archive gaps'); // it would find anything there
    expect(findings.find(({ name }) => name === 'restore_command')).toMatchObject({
      level: 'error',
      message: expect.stringContaining('it gave a file for 00000001FFFFFFFF000000FF, which cannot exist') as string,
    });
  });

  it('in the middle of a replay stops it, and the next attempt goes on', async () => {
    const made = await plan();
    const sandbox = sandboxFor(book.shop, made);
    try {
      await prepareRestore(
        book.shop.tools,
        {
          ...made,
          ...{ repository: book.shop.repository, walDirectory: cluster.walDirectory, fetchedBy: cluster.wal, sandbox },
          settings: { shared_buffers: '16MB' },
        },
        standaloneContext('prepare'),
      );
      await rename(archive, `${archive}-away`);
      const replay = (): ReturnType<typeof replayWal> =>
        replayWal(book.shop.tools, { ...made, sandbox }, standaloneContext('replay'));
      const failure = await replay().catch((error: unknown) => error);
      await rename(`${archive}-away`, archive);
      expect(failure).toBeInstanceOf(UnreachableError);
      expect((failure as Error).message).toContain('the WAL archive could not be reached');
      const { paused, reachedLsn } = await replay();
      expect(paused).toBe(true);
      // Another target than the first: the command brings what came since.
      await commit(3_001);
      const further = await plan();
      const { walDirectory, wal: fetchedBy } = cluster;
      await moveOn(book.shop, { sandbox, reachedLsn, from: made, to: further }, { walDirectory, fetchedBy });
      await replayWal(book.shop.tools, { ...further, sandbox }, standaloneContext('replay-on'));
      expect(await column(sandbox, `select id from orders where id > 3000`)).toEqual(['3001']);
    } finally {
      await removeSandbox(book.shop.tools, sandbox);
    }
  });
});
