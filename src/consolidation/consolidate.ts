import { join, relative } from 'node:path';

import { RepositoryError, UsageError } from '../errors.js';
import { makePrivateDirectory } from '../files/durable.js';
import { combinedBytes } from '../repository/restored-size.js';
import { requireRoom } from '../files/room.js';
import { combineBackups } from '../postgres/combinebackup.js';
import { readControlData } from '../postgres/controldata.js';
import { readManifest } from '../postgres/manifest.js';
import { verifyBackup } from '../postgres/verifybackup.js';
import type { HeldLock } from '../process/lock-file.js';
import type { StepContext } from '../process/step-context.js';
import type { Owner } from '../registry/entry.js';
import { chainOf, newestBackup } from '../repository/chains.js';
import { fetchBackup, turnLink } from '../repository/fetch-backup.js';
import { keys, listBackups, type Repository } from '../repository/repository.js';
import { lockPathOf } from '../repository/storage.js';
import { withWriterLock } from '../repository/writer-lock.js';
import { mendVisibilityMaps } from '../restore/mend-visibility-maps.js';
import { verifyLink } from '../restore/prepare.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { MendedMap } from '../schema/mended-map.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { withSourcesHeld } from './hold-sources.js';
import { patchManifest } from './patch-manifest.js';

/**
 * Makes one full backup of a chain, in the repository: what pg_combinebackup makes of it, verified, and only then visible. The source is not
 * asked. The chain stays as it is, until retention removes it. A retry of finished work finds it, and so does whoever asks again.
 *
 * Every link is verified first: pg_combinebackup would give damaged blocks a fresh checksum in the new manifest, and nobody would ever
 * see them again. Stale bits of visibility maps are mended as in a restore, and the manifest says what the mended files hold: later
 * restores could not mend them, since nothing would tell any more from which backup a page came.
 *
 * @param request.upTo the last backup of the chain; by default the newest that can be restored.
 * @param request.policy that it is made for, by itself: then a newest backup that is a full already is the answer, not an error.
 * @param request.owner the run for which the chain is held meanwhile; outside any run only the repository's lock keeps it.
 * @throws UsageError where there is no such backup, or nothing to consolidate; RepositoryError where the chain is broken, damaged or unsafe;
 *   DiskFullError where the repository's disk has no room for another full backup.
 */
export async function consolidate(
  tools: PostgresTools,
  request: {
    repository: Repository;
    upTo?: string | undefined;
    policy?: string | undefined;
    owner?: Owner | undefined;
  },
  context: StepContext,
): Promise<BackupRecord> {
  const { repository } = request;
  const make = async (lock: HeldLock): Promise<BackupRecord> => {
    const backups = await listBackups(repository);
    const done = backups.find(({ operation }) => operation === context.operation);
    if (done !== undefined) return done;
    const newest = newestBackup(backups);
    if (request.policy !== undefined && newest?.type === 'full') return newest;
    const chain = chainToConsolidate(repository.cluster, backups, request.upTo);
    const last = chain.at(-1);
    const known = backups.find(({ consolidatedFrom }) => consolidatedFrom?.at(-1) === last?.id);
    if (known !== undefined) return known;
    const combine = async (): Promise<BackupRecord> => {
      await requireRoom(repository.path, combinedBytes(chain), `A full backup of the chain of ${last?.id ?? ''}`);
      return await combineInto(tools, { repository, chain, lock, policy: request.policy }, context);
    };
    if (request.owner === undefined) return await combine();
    return await withSourcesHeld(repository, request.owner, chain, context, combine);
  };
  return await withWriterLock(repository.path, context.operation, make, context.attempt);
}

/** @throws as consolidate says. */
export function chainToConsolidate(
  cluster: string,
  backups: readonly BackupRecord[],
  upTo: string | undefined,
): BackupRecord[] {
  const last = upTo === undefined ? newestBackup(backups) : backups.find(({ id }) => id === upTo);
  if (last === undefined) {
    throw new UsageError({
      what:
        upTo === undefined
          ? `The repository of ${cluster} holds no backup that can be restored.`
          : `There is no backup ${upTo} in the repository of ${cluster}.`,
      means: 'Nothing was changed.',
      todo: `See what there is: pgdrill backups ${cluster}`,
    });
  }
  if (last.type === 'full') {
    throw new UsageError({
      what: `${last.id} is a full backup already.`,
      means: 'There is no chain to make one of. Nothing was changed.',
      todo: `Name an incremental or differential with --up-to, or take one first: pgdrill backup ${cluster} --type incremental`,
    });
  }
  return chainOf(backups, last.id);
}

/** What the result will take. Records of earlier versions do not tell how large a chain becomes: no larger than all of it. */

interface Consolidation {
  repository: Repository;
  /** The full first. */
  chain: readonly BackupRecord[];
  /** An attempt that was only slow may have lost it to the next. */
  lock: HeldLock;
  policy: string | undefined;
}

async function combineInto(
  tools: PostgresTools,
  { repository, chain, lock, policy }: Consolidation,
  context: StepContext,
): Promise<BackupRecord> {
  const { storage } = repository;
  const last = chain.at(-1);
  if (last === undefined) throw new RangeError('an empty chain');
  const id = `${last.id.replace(/-(incremental|differential)$/, '')}-synthetic`;
  const started = performance.now();
  const sources = await verifyChain(tools, repository, chain, context);
  await lock.assertHeld();
  for (const name of await storage.listStaged(keys.backups)) await storage.discardStaged(`${keys.backups}/${name}`);
  const staged = await storage.stage(keys.backup(id), context.attempt);
  try {
    const data = join(staged, 'data');
    // Made by us, since the server user may not create directories where the result is to lie.
    await makePrivateDirectory(data);
    if (last.tablespaces.length > 0) await makePrivateDirectory(join(staged, 'tablespaces'));
    context.progress({ doing: `combining ${chain.length} backups` });
    const lastDirectory = await fetchBackup(repository, last);
    const tablespaces = last.tablespaces.map(({ directory, oid }) => ({
      from: join(lastDirectory, directory),
      to: join(staged, 'tablespaces', String(oid)),
    }));
    await combineBackups(
      tools,
      { chain: sources, output: data, tablespaces, lockPath: lockPathOf(staged), sync: true },
      context,
    );
    const mended = await mend(tools, { sources, data, last }, context);
    await verifyBackup(tools, data, id, context);
    const manifest = await readManifest(data);
    refuseOther(manifest, last);
    for (const { oid, directory } of last.tablespaces)
      await turnLink(data, oid, join(storage.pathOf(keys.backup(id)), directory));
    const record: BackupRecord = {
      ...withoutLink(last),
      id,
      type: 'full',
      requestedType: 'full',
      ...(policy === undefined ? {} : { policy }),
      consolidatedFrom: chain.map((link) => link.id),
      consolidatedAt: new Date().toISOString(),
      ...(mended.length === 0 ? {} : { mended }),
      durationMs: performance.now() - started,
      sizeBytes: manifest.sizeBytes,
      restoredBytes: manifest.sizeBytes,
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

async function verifyChain(
  tools: PostgresTools,
  repository: Repository,
  chain: readonly BackupRecord[],
  context: StepContext,
): Promise<string[]> {
  const sources: string[] = [];
  for (const [index, link] of chain.entries()) {
    const directory = join(await fetchBackup(repository, link), 'data');
    await verifyLink(tools, directory, { link, parent: chain[index - 1], verified: new Map() }, context);
    sources.push(directory);
  }
  return sources;
}

async function mend(
  tools: PostgresTools,
  { sources, data, last }: { sources: string[]; data: string; last: BackupRecord },
  context: StepContext,
): Promise<MendedMap[]> {
  context.progress({ doing: 'looking for stale bits in visibility maps' });
  const { blockSize, segmentBlocks, dataChecksums } = await readControlData(tools, data, context.signal);
  const changed = new Set<string>();
  const mended = await mendVisibilityMaps({
    chain: sources,
    combined: data,
    startLsn: last.startLsn,
    ...{ blockSize, segmentBlocks, checksums: dataChecksums, signal: context.signal },
    onChanged: (path) => changed.add(relative(data, path)),
  });
  await patchManifest(data, [...changed]);
  return mended;
}

/** What is true of the last link only, and not of what was made of its chain. */
function withoutLink(last: BackupRecord): BackupRecord {
  const copy = { ...last };
  delete copy.parent;
  delete copy.fallbackReason;
  delete copy.policy;
  return copy;
}

function refuseOther(made: Awaited<ReturnType<typeof readManifest>>, last: BackupRecord): void {
  const same =
    made.systemIdentifier === last.systemIdentifier &&
    made.timeline === last.timeline &&
    made.startLsn === last.startLsn &&
    made.endLsn === last.endLsn;
  if (same) return;
  throw new RepositoryError({
    what: `What pg_combinebackup made is of ${made.startLsn} to ${made.endLsn} on timeline ${made.timeline}, and ${last.id} of ${last.startLsn} to ${last.endLsn} on timeline ${last.timeline}.`,
    means: 'It is not the backup that was to be made. It was thrown away; the chain is untouched.',
    todo: 'Report this with both manifests.',
  });
}
