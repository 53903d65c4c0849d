import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { RepositoryError, SourceNotReadyError, ToolError } from '../errors.js';
import { makePrivateDirectory } from '../files/durable.js';
import { runBaseBackup } from '../postgres/basebackup.js';
import type { Conninfo } from '../postgres/conninfo.js';
import { fixHost, withConnection } from '../postgres/connection.js';
import { readManifest } from '../postgres/manifest.js';
import { readReplication } from '../postgres/replication.js';
import { readSource, type Source } from '../postgres/source.js';
import { verifyBackup } from '../postgres/verifybackup.js';
import type { HeldLock } from '../process/lock-file.js';
import type { StepContext } from '../process/step-context.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { Replication } from '../schema/hand-over.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { promotedMeanwhile, readyStandby } from './backup-standby.js';
import { type ChainPolicy, chooseChain, parentOf } from './choose-chain.js';
import { fetchBackup, turnLink } from './fetch-backup.js';
import { judgeLink } from './link-safety.js';
import { refuseOldPrimary } from './old-primary.js';
import { restoredSizeBytes } from './restored-size.js';
import { claimFor, keys, listBackups, type Repository } from './repository.js';
import { lockPathOf } from './storage.js';
import { summariesSince } from './wal-summaries.js';
import { withWriterLock } from './writer-lock.js';

export interface BackupRequest {
  repository: Repository;
  connection: Conninfo;
  /** The standby whose files are copied; the primary's where absent. Everything else is asked of the primary. */
  backupFrom?: Conninfo | undefined;
  /** How long that may take to replay what the primary has; two minutes by default. */
  mostLagMs?: number | undefined;
  type: BackupRecord['type'];
  /** When a chain is too long or too heavy to go on; absent: never. */
  limits?: ChainPolicy;
  /** The policy that it is taken for, if any. */
  policy?: string | undefined;
}

/**
 * Takes a backup into the repository: staged, verified with `pg_verifybackup`, recorded, and only then visible. A retry of finished
 * work finds it by its operation and answers the same.
 *
 * An incremental builds on the newest backup whose chain is whole, a differential on the newest full one. Where that cannot be continued
 * safely a full is taken instead, and the record says why (chooseChain). An incremental that PostgreSQL got wrong is kept, recorded as unsafe and never used; the next is a full.
 */
export async function takeBackup(
  tools: PostgresTools,
  asked: BackupRequest,
  context: StepContext,
): Promise<BackupRecord> {
  // One server from the first question to the last: a standby that takes over meanwhile fails this backup, and the next try asks it.
  const request = {
    ...asked,
    connection: await fixHost(asked.connection, context.signal),
    primaries: asked.connection,
  };
  const take = async (lock: HeldLock): Promise<BackupRecord> => {
    const backups = await listBackups(request.repository);
    const finished = backups.find((backup) => backup.operation === context.operation);
    if (finished !== undefined) return finished;
    const { source: primary, replication } = await withConnection(
      request.connection,
      async (client) => ({ source: await readSource(client), replication: await readReplication(client) }),
      { signal: context.signal },
    );
    await claimFor(request.repository, primary.systemIdentifier);
    refuseOldPrimary(primary, backups);
    const parent = parentOf(request.type, backups);
    const copyFrom = await serverToCopy(request, primary, parent, context);
    const { source } = copyFrom;
    const { tablespaces, summaries } = await withConnection(
      copyFrom.connection,
      async (client) => ({
        tablespaces: await listTablespaces(client),
        summaries: request.type === 'full' ? undefined : await summariesSince(client, parent),
      }),
      { signal: context.signal },
    );
    const { chain, fallbackReason } = chooseChain(request.type, backups, { source, summaries, policy: request.limits });
    const attempt = { tools, request, context, lock, copyFrom, source, tablespaces, replication };
    if (chain === undefined) return await takeOne({ ...attempt, fallbackReason });
    try {
      return await takeOne({ ...attempt, chain });
    } catch (error) {
      const refusal = refusedBecauseOfSummaries(error);
      if (refusal === undefined) throw error;
      return await takeOne({ ...attempt, fallbackReason: refusal });
    }
  };
  return await withWriterLock(request.repository.path, context.operation, take, context.attempt);
}

interface ServerToCopy {
  connection: Conninfo;
  /** What the record says of it. */
  takenFrom?: 'standby';
  /** The primary, with what is the standby's own. */
  source: Source;
}

/** The server whose files are copied: the primary, or the standby that was named for it, unless that took over. */
async function serverToCopy(
  request: BackupRequest & { primaries: Conninfo },
  source: Source,
  parent: BackupRecord | undefined,
  context: StepContext,
): Promise<ServerToCopy> {
  if (request.backupFrom === undefined) return { connection: request.connection, source };
  const connection = await fixHost(request.backupFrom, context.signal);
  const parentEnd = parent?.endLsn;
  const { connection: primary, primaries, mostLagMs } = request;
  const standby = { primary, primaries, standby: connection, source, parentEnd, mostLagMs };
  const copied = await readyStandby(standby, context);
  if (copied === undefined) return { connection, source };
  const { serverVersion, serverVersionNumber, summaryKeepTime } = copied;
  const settings = { ...source.settings, wal_summary_keep_time: summaryKeepTime };
  return { connection, takenFrom: 'standby', source: { ...source, serverVersion, serverVersionNumber, settings } };
}

/** The server's own refusals that a full backup mends (PostgreSQL source, basebackup_incremental.c). */
function refusedBecauseOfSummaries(error: unknown): string | undefined {
  if (!(error instanceof ToolError)) return undefined;
  if (/WAL summarization is enabled|summarize_wal/.test(error.stderrTail)) {
    throw new SourceNotReadyError(
      {
        what: 'The server refuses an incremental backup: summarize_wal is off.',
        means: 'Without WAL summaries the server cannot tell which blocks changed.',
        todo: 'Run: alter system set summarize_wal = on; select pg_reload_conf(); then take a full backup, and incrementals from then on.',
      },
      { cause: error },
    );
  }
  const refusal =
    /(WAL summaries are required[^\n]*|WAL summarization is not progressing[^\n]*|timeline \d+ [^\n]*history[^\n]*)/.exec(
      error.stderrTail,
    );
  return refusal?.[1];
}

interface OneBackup {
  tools: PostgresTools;
  request: BackupRequest;
  context: StepContext;
  /** An attempt that was only slow may have lost it to the next: it has to look before it removes or publishes. */
  lock: HeldLock;
  copyFrom: ServerToCopy;
  source: Source;
  tablespaces: { oid: number; name: string; location: string }[];
  replication: Replication;
  /** What the incremental builds on, the full first; absent for a full. */
  chain?: BackupRecord[];
  fallbackReason?: string | undefined;
}

async function takeOne({
  tools,
  request,
  context,
  lock,
  copyFrom,
  source,
  tablespaces,
  replication,
  chain,
  fallbackReason,
}: OneBackup): Promise<BackupRecord> {
  const { storage } = request.repository;
  const parent = chain?.at(-1);
  const type = parent === undefined ? 'full' : request.type;
  const { id, startedAt } = await newBackupId(request.repository, type);
  await lock.assertHeld();
  // Every earlier attempt's leftovers go, whatever second they were begun in.
  for (const name of await storage.listStaged(keys.backups)) await storage.discardStaged(`${keys.backups}/${name}`);
  const staged = await storage.stage(keys.backup(id), context.attempt);
  try {
    const data = join(staged, 'data');
    const mapped = tablespaces.map((tablespace) => ({
      ...tablespace,
      directory: join(staged, 'tablespaces', String(tablespace.oid)),
    }));
    if (mapped.length > 0) await makePrivateDirectory(join(staged, 'tablespaces'));
    const started = performance.now();
    await runBaseBackup(
      tools,
      {
        connection: copyFrom.connection,
        directory: data,
        tablespaces: mapped,
        label: `pgdrill ${id}`,
        lockPath: lockPathOf(staged),
        ...(parent === undefined
          ? {}
          : { parentManifest: join(await fetchBackup(request.repository, parent), 'data', 'backup_manifest') }),
      },
      context,
    ).catch(async (error: unknown) => {
      if (copyFrom.takenFrom !== 'standby' || !(error instanceof ToolError)) throw error;
      const promotion = await promotedMeanwhile(copyFrom.connection, error);
      if (promotion !== undefined) throw promotion;
      throw error;
    });
    await verifyBackup(tools, data, id, context);
    const manifest = await readManifest(data);
    if (manifest.systemIdentifier !== source.systemIdentifier) {
      throw new RepositoryError({
        what: `The server that was copied has system identifier ${manifest.systemIdentifier}, the one asked before had ${source.systemIdentifier}.`,
        means: 'The address moved to another cluster while the backup ran.',
        todo: 'Check the connection (several hosts, a failover to something else), then take the backup again.',
      });
    }
    // Before the links to tablespaces are turned to where the files will lie.
    context.progress({ doing: `judging ${id}` });
    const judgement = await judgeLink(
      {
        connection: copyFrom.connection,
        chain: await Promise.all(
          (chain ?? []).map(async (link) => ({
            record: link,
            dataDirectory: join(await fetchBackup(request.repository, link), 'data'),
          })),
        ),
        incremental: { record: { id, ...manifest }, dataDirectory: data },
      },
      context.signal,
    );
    const restoredBytes = await restoredSizeBytes(data, Number(source.settings['block_size'] ?? 8_192));
    for (const tablespace of mapped)
      await turnLink(
        data,
        tablespace.oid,
        join(storage.pathOf(keys.backup(id)), 'tablespaces', String(tablespace.oid)),
      );
    const finishedAt = new Date();
    const record: BackupRecord = {
      formatVersion: 1,
      id,
      cluster: request.repository.cluster,
      type,
      requestedType: request.type,
      ...(fallbackReason === undefined ? {} : { fallbackReason }),
      ...(request.policy === undefined ? {} : { policy: request.policy }),
      ...(parent === undefined ? {} : { parent: parent.id }),
      ...(judgement.safe ? {} : { unsafe: judgement.reasons }),
      ...(copyFrom.takenFrom === undefined ? {} : { takenFrom: copyFrom.takenFrom }),
      systemIdentifier: manifest.systemIdentifier,
      timeline: manifest.timeline,
      startLsn: manifest.startLsn,
      endLsn: manifest.endLsn,
      startedAt: startedAt.toISOString(),
      finishedAt: finishedAt.toISOString(),
      durationMs: performance.now() - started,
      sizeBytes: manifest.sizeBytes,
      restoredBytes,
      serverVersion: source.serverVersion,
      serverVersionNumber: source.serverVersionNumber,
      walSegmentSizeBytes: source.walSegmentSizeBytes,
      dataChecksums: source.dataChecksums,
      settings: source.settings,
      replication,
      superuser: source.superuser,
      tablespaces: mapped.map(({ oid, name, location }) => ({ oid, name, location, directory: `tablespaces/${oid}` })),
      manifestSha256: manifest.sha256,
      operation: context.operation,
    };
    await storage.writeInto(staged, 'record.json', `${JSON.stringify(record, null, 2)}\n`);
    await lock.assertHeld();
    await storage.publish(staged, keys.backup(id));
    return record;
  } catch (error) {
    await storage.discardStaged(keys.backup(id));
    throw error;
  }
}

/** Ids name the second (UTC) and the type. Two backups in one second: the later one waits for the next. */
async function newBackupId(repository: Repository, type: string): Promise<{ id: string; startedAt: Date }> {
  for (;;) {
    const startedAt = new Date();
    const id = `${startedAt.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z-${type}`;
    if (!(await repository.storage.list(keys.backups)).includes(id)) return { id, startedAt };
    await sleep(100);
  }
}

/** Tablespaces outside the data directory. In-place ones (`allow_in_place_tablespaces`) travel with it. */
async function listTablespaces(client: {
  query: (sql: string) => Promise<{ rows: unknown[] }>;
}): Promise<OneBackup['tablespaces']> {
  const { rows } = await client.query(
    `select oid, spcname as name, pg_tablespace_location(oid) as location
       from pg_tablespace
      where pg_tablespace_location(oid) like '/%'
      order by oid`,
  );
  return rows as OneBackup['tablespaces'];
}
