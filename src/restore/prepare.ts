import { readdir, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

import { RepositoryError } from '../errors.js';
import {
  exists,
  fsyncPath,
  makePrivateDirectory,
  renameDurably,
  treeSizeBytes,
  writeFileDurably,
} from '../files/durable.js';
import { makeSocketDirectory } from '../files/socket-directory.js';
import { combineBackups } from '../postgres/combinebackup.js';
import { readControlData } from '../postgres/controldata.js';
import { lsnDistanceBytes } from '../postgres/lsn.js';
import { readManifest } from '../postgres/manifest.js';
import { verifyBackup } from '../postgres/verifybackup.js';
import type { StepContext } from '../process/step-context.js';
import { toolsDoing, withToolsKnown } from '../process/tools-at-work.js';
import { watchWork } from '../process/work-watch.js';
import { note } from '../registry/current.js';
import { idOf } from '../registry/registry.js';
import { fetchBackup } from '../repository/fetch-backup.js';
import { fetchWal } from '../repository/fetch-wal.js';
import type { Repository } from '../repository/repository.js';
import type { Wal } from '../repository/wal-mode.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { ControlExpectation } from '../schema/control-expectation.js';
import type { MendedMap } from '../schema/mended-map.js';
import type { WalRead } from '../schema/wal-read.js';
import type { Phase, Prepared, ResolvedTarget, Sandbox } from '../schema/results.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { asClaimant, takeClaim } from './claim.js';
import {
  combineLock,
  partialsOf,
  readSandboxRecord,
  sandboxConfig,
  sandboxTablespaces,
  writeSandboxRecord,
} from './sandbox.js';
import { mendVisibilityMaps } from './mend-visibility-maps.js';
import { formatSettings, restoreCommand, sandboxSettings } from './sandbox-settings.js';
import { keepVerifiedLinks, readVerifiedLinks } from './verified-links.js';
import { keepLastSegment, lastSegments } from './last-segment.js';
import { readWalToReplay } from './wal-range.js';

export interface PrepareRequest {
  repository: Repository;
  chain: readonly BackupRecord[];
  target: ResolvedTarget;
  wal: { from: string; to: string };
  walDirectory: string;
  /** Which command fetches WAL there, where one does: replay runs it, too. */
  fetchedBy?: Wal;
  sandbox: Sandbox;
  settings: Readonly<Record<string, string>>;
}

/**
 * Makes the data directory of a sandbox (or a recovery) from a verified chain and gives it a configuration of its own. A retry of
 * finished work answers the same; the leftovers of an unfinished attempt are removed first.
 */
export async function prepareRestore(
  tools: PostgresTools,
  request: PrepareRequest,
  context: StepContext,
): Promise<Prepared> {
  return await withToolsKnown(() => prepare(tools, request, context));
}

async function prepare(tools: PostgresTools, request: PrepareRequest, context: StepContext): Promise<Prepared> {
  const { sandbox, chain, repository } = request;
  const done = await readSandboxRecord(sandbox.directory);
  if (done?.operation === context.operation) return done.prepared as Prepared;
  const last = chain.at(-1);
  if (last === undefined) throw new RangeError('an empty chain');
  await note(idOf('sandbox', sandbox.directory), { kind: 'sandbox', sandbox });
  await makePrivateDirectory(sandbox.directory);
  const token = await takeClaim(sandbox, context);
  const claimed = <T>(work: () => Promise<T>): Promise<T> => asClaimant(sandbox, token, context, work);

  const phases: Phase[] = [];
  const timed = async (name: Phase['name'], work: () => Promise<number>): Promise<void> => {
    const [startedAt, started] = [new Date().toISOString(), performance.now()];
    const { result: bytes, ...seen } = await watchWork(toolsDoing(), work);
    phases.push({
      name,
      // Not the wall clock: a host's may jump.
      seconds: (performance.now() - started) / 1_000,
      bytes,
      startedAt,
      finishedAt: new Date().toISOString(),
      ...(context.attempt > 1 ? { attempts: context.attempt } : {}),
      ...seen,
    });
  };
  const sources: string[] = [];
  await timed('fetch', async () => {
    for (const link of chain) sources.push(join(await fetchBackup(repository, link), 'data'));
    return 0; // a local repository is read where it lies
  });
  let wal: WalRead | undefined;
  await timed('verify', async () => {
    const verified = await readVerifiedLinks(sandbox, context.operation);
    for (const [index, link] of chain.entries()) {
      await verifyLink(tools, sources[index] ?? '', { link, parent: chain[index - 1], verified }, context);
      await keepVerifiedLinks(sandbox, context.operation, verified.set(link.id, link.manifestSha256));
    }
    context.progress({ doing: 'reading the WAL that is to be replayed' });
    await fetchWal(
      request.fetchedBy,
      {
        ...{ walDirectory: request.walDirectory, segmentSizeBytes: last.walSegmentSizeBytes },
        ...{
          from: { timeline: last.timeline, lsn: last.endLsn },
          to: request.wal.to,
          timeline: request.target.timeline,
        },
      },
      context.signal,
    );
    wal = await readWalToReplay(tools, request, last, context.signal);
    return chain.reduce((sum, link) => sum + link.sizeBytes, lsnDistanceBytes(wal.from, wal.to));
  });
  let mended: MendedMap[] = [];
  await timed('combine', async () => {
    mended = await combine(tools, { ...request, sources, last, claimed }, context);
    return await treeSizeBytes(sandbox.dataDirectory);
  });
  const restoredBytes = phases.find(({ name }) => name === 'combine')?.bytes ?? 0;
  const prepared: Prepared = { sandbox, phases, restoredBytes };
  const expected = await expectControlData(tools, sources, request);
  await claimed(async () => {
    await configure(tools, request);
    await keepLastSegment(tools, request, last, context.signal);
    await writeSandboxRecord({ sandbox, operation: context.operation, prepared, expected, mended, wal });
  });
  return prepared;
}

/** pg_combinebackup checks that links belong together, not that they are whole: each is verified, and is the one that was recorded. */
export async function verifyLink(
  tools: PostgresTools,
  directory: string,
  {
    link,
    parent,
    verified,
  }: { link: BackupRecord; parent: BackupRecord | undefined; verified: ReadonlyMap<string, string> },
  context: StepContext,
): Promise<void> {
  const manifest = await readManifest(directory);
  if (manifest.sha256 !== link.manifestSha256) {
    throw new RepositoryError({
      what: `The manifest of backup ${link.id} is not the one that was recorded when it was taken.`,
      means: 'Someone exchanged the manifest or the backup: it cannot be trusted.',
      todo: 'Restore from another chain, and take a new full backup.',
    });
  }
  if (link.parent !== parent?.id) throw new RangeError(`chain out of order at ${link.id}`);
  if (verified.get(link.id) === link.manifestSha256) return;
  await verifyBackup(tools, directory, link.id, context);
}

async function combine(
  tools: PostgresTools,
  request: PrepareRequest & {
    sources: string[];
    last: BackupRecord;
    /** Runs what could harm a later attempt. */
    claimed: <T>(work: () => Promise<T>) => Promise<T>;
  },
  context: StepContext,
): Promise<MendedMap[]> {
  const { sandbox, repository, sources, last, claimed } = request;
  context.progress({ doing: 'combining the chain' });
  const partial = `${sandbox.dataDirectory}.partial-${context.attempt}`;
  const tablespaces = sandboxTablespaces(sandbox);
  await claimed(async () => {
    await removeLeftovers(sandbox);
    if (last.tablespaces.length > 0) await makePrivateDirectory(tablespaces);
    // Made by us, since the server user may not create directories where the result is to lie.
    await makePrivateDirectory(partial);
  });
  const backup = await fetchBackup(repository, last);
  await combineBackups(
    tools,
    {
      chain: sources,
      output: partial,
      tablespaces: last.tablespaces.map(({ oid, directory }) => ({
        from: join(backup, directory),
        to: join(tablespaces, String(oid)),
      })),
      lockPath: combineLock(sandbox),
      sync: true,
    },
    context,
  );
  context.progress({ doing: 'looking for stale bits in visibility maps' });
  const { blockSize, segmentBlocks, dataChecksums } = await readControlData(tools, partial, context.signal);
  const mended = await mendVisibilityMaps({
    chain: sources,
    combined: partial,
    startLsn: last.startLsn,
    blockSize,
    segmentBlocks,
    checksums: dataChecksums,
    signal: context.signal,
  });
  await claimed(async () => {
    if (await exists(sandbox.dataDirectory)) await rmdir(sandbox.dataDirectory); // empty: checked when it was claimed
    await renameDurably(partial, sandbox.dataDirectory);
  });
  return mended;
}

/** What the control file must say when the sandbox is open: from the last backup itself, not from what was made of it. */
async function expectControlData(
  tools: PostgresTools,
  sources: readonly string[],
  { chain, target }: PrepareRequest,
): Promise<ControlExpectation> {
  const [last, source] = [chain.at(-1), sources.at(-1)];
  if (last === undefined || source === undefined) throw new RangeError('an empty chain');
  const { format, nextXid } = await readControlData(tools, source);
  return {
    backup: last.id,
    systemIdentifier: last.systemIdentifier,
    dataChecksums: last.dataChecksums,
    backupEndLsn: last.endLsn,
    nextXid: String(nextXid),
    targetTimeline: target.timeline,
    format: { ...format },
  };
}

async function removeLeftovers(sandbox: Sandbox): Promise<void> {
  for (const partial of await partialsOf(sandbox)) await rm(partial, { recursive: true, force: true });
  await rm(sandboxTablespaces(sandbox), { recursive: true, force: true });
}

/** Sets the source's own settings aside (a recovery puts them back) and writes the sandbox's. */
async function configure(tools: PostgresTools, request: PrepareRequest): Promise<void> {
  const { sandbox } = request;
  const data = sandbox.dataDirectory;
  await makeSocketDirectory(sandbox.socketDirectory);
  await makePrivateDirectory(sandboxConfig(sandbox));
  // postgresql.auto.conf is read whatever config_file says: the source's would switch archiving on.
  const auto = join(data, 'postgresql.auto.conf');
  if (await exists(auto)) await rename(auto, join(sandboxConfig(sandbox), 'source-postgresql.auto.conf'));
  await rm(join(data, 'standby.signal'), { force: true });
  const settings = sandboxSettings({
    control: await readControlData(tools, data),
    target: request.target,
    restoreCommand:
      request.fetchedBy?.mode === 'command'
        ? request.fetchedBy.restoreCommand
        : restoreCommand(request.walDirectory, lastSegments(sandbox)),
    inPlaceTablespaces: (await readdir(join(data, 'pg_tblspc'), { withFileTypes: true })).some((entry) =>
      entry.isDirectory(),
    ),
    socketDirectory: sandbox.socketDirectory,
    configDirectory: sandboxConfig(sandbox),
    port: sandbox.port,
    wanted: request.settings,
  });
  await writeFileDurably(join(sandboxConfig(sandbox), 'postgresql.conf'), formatSettings(settings));
  // Only the server user can reach the socket directory, so whoever gets there may be anyone.
  await writeFileDurably(join(sandboxConfig(sandbox), 'pg_hba.conf'), 'local all all trust\n');
  await writeFileDurably(join(sandboxConfig(sandbox), 'pg_ident.conf'), '');
  await writeFileDurably(join(data, 'recovery.signal'), '');
  await fsyncPath(data);
}
