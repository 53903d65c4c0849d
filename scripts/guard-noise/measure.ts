import { appendFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { makePrivateDirectory, writeFileDurably } from '../../src/files/durable.js';
import { type Conninfo, formatConninfo } from '../../src/postgres/conninfo.js';
import { withConnection } from '../../src/postgres/connection.js';
import { initdb } from '../../src/postgres/instance.js';
import { readManifest } from '../../src/postgres/manifest.js';
import { judgeLink, type LinkedBackup } from '../../src/repository/link-safety.js';
import { waitForSegment } from '../../src/repository/wal-archive.js';
import { listWalSummaries, readTruncations } from '../../src/repository/wal-summaries.js';
import { restoreCommand } from '../../src/restore/sandbox-settings.js';
import { runSql, type ScratchServers } from '../scratch/servers.js';
import type { Load } from './loads.js';

export interface LinkMeasured {
  /** Relations whose end was cut off since the parent, but not to nothing. */
  truncated: number;
  /** Empty where the link was judged safe. */
  reasons: string[];
  /** Tables that a stock restore of the chain gets wrong, by a restore through the full backup and the WAL to the same LSN. */
  wrong: string[];
}

const segmentSizeBytes = 2 ** 24;
const signal = new AbortController().signal;

/**
 * Takes one incremental after the other under a load that never stops, judges each link, and then looks whether it was right: the chain
 * combined by stock tools against the full backup with all WAL, both replayed to the incremental's end.
 */
export async function measureGuard(
  servers: ScratchServers,
  load: Load,
  options: { links: number; secondsBetween: number; onLink?: (link: LinkMeasured) => void },
): Promise<LinkMeasured[]> {
  const home = join(servers.path, load.name);
  const archive = join(home, 'wal');
  await makePrivateDirectory(archive);
  await initdb(servers.tools, join(home, 'data'), { superuser: 'postgres', args: ['--no-sync', '--data-checksums'] });
  const source = await servers.start(home, {
    summarize_wal: 'on',
    archive_mode: 'on',
    archive_library: 'basic_archive',
    'basic_archive.archive_directory': archive,
    checkpoint_timeout: '30s',
    autovacuum_naptime: '1s',
    autovacuum_vacuum_threshold: '50',
    autovacuum_vacuum_scale_factor: '0.02',
  });
  await load.prepare(servers, source);
  const ended = new AbortController();
  const running = servers.tool(
    'pgbench',
    [...(await load.pgbench(servers)), '--time=36000', formatConninfo(source)],
    ended.signal,
  );
  let failure: Error | undefined;
  const stopped = running.catch((error: unknown) => {
    if (!ended.signal.aborted) failure = error instanceof Error ? error : new Error(String(error));
  });
  const measured: LinkMeasured[] = [];
  try {
    let chain = [await takeBackup(servers, source, join(home, 'backup-0'))];
    while (measured.length < options.links) {
      await sleep(options.secondsBetween * 1_000);
      if (failure !== undefined) throw failure;
      const parent = chain.at(-1);
      const incremental = await takeBackup(servers, source, join(home, `backup-${measured.length + 1}`), parent);
      const judgement = await judgeLink({ connection: source, chain, incremental }, signal);
      const link = {
        truncated: await countTruncated(source, parent ?? incremental, incremental),
        reasons: judgement.safe ? [] : judgement.reasons,
        wrong: await restoredWrong(servers, source, archive, [...chain, incremental]),
      };
      measured.push(link);
      options.onLink?.(link);
      chain = judgement.safe
        ? [...chain, incremental]
        : [await takeBackup(servers, source, join(home, `backup-${measured.length}-full`))];
    }
  } finally {
    ended.abort();
    await stopped;
  }
  await servers.stop(home);
  return measured;
}

async function takeBackup(
  { tool }: ScratchServers,
  source: Conninfo,
  dataDirectory: string,
  parent?: LinkedBackup,
): Promise<LinkedBackup> {
  await tool('pg_basebackup', [
    `--dbname=${formatConninfo(source)}`,
    `--pgdata=${dataDirectory}`,
    '--checkpoint=fast',
    '--no-sync',
    ...(parent === undefined ? [] : [`--incremental=${join(parent.dataDirectory, 'backup_manifest')}`]),
  ]);
  const { timeline, startLsn } = await readManifest(dataDirectory);
  return { record: { id: dataDirectory.replace(/.*\//, ''), timeline, startLsn }, dataDirectory };
}

async function countTruncated(source: Conninfo, parent: LinkedBackup, incremental: LinkedBackup): Promise<number> {
  return await withConnection(source, async (client) => {
    const summaries = await listWalSummaries(client, {
      from: parent.record.startLsn,
      to: incremental.record.startLsn,
    });
    return summaries.length === 0 ? 0 : (await readTruncations(client, summaries)).length;
  });
}

/** Both are replayed to the same place: where the incremental ends. */
async function restoredWrong(
  servers: ScratchServers,
  source: Conninfo,
  archive: string,
  chain: readonly LinkedBackup[],
): Promise<string[]> {
  const [full] = chain;
  const last = chain.at(-1);
  if (full === undefined || last === undefined) return [];
  const { endLsn: lsn, timeline } = await readManifest(last.dataDirectory);
  await runSql(source, 'select pg_switch_wal()');
  await waitForSegment(
    { directory: archive, segmentSizeBytes },
    { timeline, lsn },
    { timeoutMs: 60_000, signal, explain: () => Promise.resolve('') },
  );
  const directories = chain.map(({ dataDirectory }) => dataDirectory);
  const combined = await contentsOf(servers, directories, archive, lsn);
  const replayed = await contentsOf(servers, [full.dataDirectory], archive, lsn);
  return [...new Set([...combined.keys(), ...replayed.keys()])]
    .filter((table) => combined.get(table) !== replayed.get(table))
    .sort();
}

async function contentsOf(
  servers: ScratchServers,
  chain: readonly string[],
  archive: string,
  lsn: string,
): Promise<Map<string, string>> {
  const directory = join(servers.path, 'restored');
  const data = join(directory, 'data');
  await makePrivateDirectory(directory);
  await servers.tool('pg_combinebackup', [...chain, '-o', data, '--no-sync']);
  const settings = {
    restore_command: restoreCommand(archive),
    recovery_target_lsn: lsn,
    recovery_target_inclusive: 'off',
    recovery_target_action: 'promote',
  };
  await appendFile(
    join(data, 'postgresql.auto.conf'),
    Object.entries(settings)
      .map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`)
      .join(''),
  );
  await writeFileDurably(join(data, 'recovery.signal'), '');
  try {
    const restored = await servers.start(directory, { archive_mode: 'off', summarize_wal: 'off', autovacuum: 'off' });
    for (;;) {
      const [row] = await runSql<{ recovering: boolean }>(restored, 'select pg_is_in_recovery() as recovering');
      if (row?.recovering === false) break;
      await sleep(50);
    }
    return await readContents(restored);
  } finally {
    await servers.stop(directory);
    await rm(directory, { recursive: true, force: true });
  }
}

async function readContents(connection: Conninfo): Promise<Map<string, string>> {
  const tables = await runSql<{ name: string }>(
    connection,
    `select oid::regclass::text as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace`,
  );
  const contents = new Map<string, string>();
  for (const { name } of tables) {
    const [row] = await runSql<{ content: string }>(
      connection,
      `select count(*) || ' rows, ' || coalesce(sum(hash_record_extended(t, 0)), 0) as content from ${name} as t`,
    );
    contents.set(name, row?.content ?? '');
  }
  return contents;
}
