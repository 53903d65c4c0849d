import { z } from 'zod';

import { RepositoryError } from '../errors.js';
import { exists, makePrivateDirectory, writeFileDurably } from '../files/durable.js';
import { type BackupRecord, backupRecordSchema } from '../schema/backup-record.js';
import { LocalStorage } from './local-storage.js';
import type { Storage } from './storage.js';

/** Rises when the layout changes so that an older pgdrill could not read it. */
const formatVersion = 1;

const identitySchema = z.object({
  formatVersion: z.number().int(),
  cluster: z.string(),
  /** Of the cluster whose backups these are; set by the first backup. */
  systemIdentifier: z.string().optional(),
});
type Identity = z.infer<typeof identitySchema>;

export interface Repository {
  path: string;
  cluster: string;
  storage: Storage;
  systemIdentifier: string | undefined;
}

/** Keys of the layout. `README.txt` in the repository explains them to whoever opens it with `ls`. */
export const keys = {
  identity: 'pgdrill.json',
  backups: 'backups',
  backup: (id: string): string => `backups/${id}`,
  record: (id: string): string => `backups/${id}/record.json`,
  evidences: 'evidence',
  evidence: (id: string): string => `evidence/${id}`,
  evidenceFile: (id: string): string => `evidence/${id}/evidence.json`,
  signature: (id: string): string => `evidence/${id}/evidence.json.sig`,
  evidenceHead: 'evidence-head.json',
  report: (id: string): string => `evidence/${id}/report.html`,
  handOver: (id: string): string => `evidence/${id}/hand-over.md`,
} as const;

const readme = (
  cluster: string,
): string => `This directory is the pgdrill repository of the PostgreSQL cluster "${cluster}".

  pgdrill.json            what this is: format version, cluster, system identifier
  backups/<id>/           one backup; the id says when (UTC) and which type
    record.json           its record: type, parent, LSNs, sizes, durations, settings
    data/                 its files as pg_basebackup wrote them, with backup_manifest
    tablespaces/<oid>/    files of tablespaces outside the data directory
  backups/<id>-synthetic/ a full backup that was made of a chain, named by "consolidatedFrom" in its record
  backups/*.partial-*     a backup being taken; not usable, removed when the next one starts
  wal/                    the archived WAL; the first eight digits of a name are its timeline
  fetched-wal/            instead of wal/ where wal.mode is command: copies of what was read lately; the archive itself lies elsewhere
  stream-progress.jsonl   how far behind its source a WAL stream was, and when
  verify/<run>.json       what pgdrill repo verify found; acknowledged/: losses that somebody accepted, and why
  failures/               backups that failed: when and why
  holds/                  what must not be removed, and for whom
  retention/state.json    what is marked to be deleted; which WAL was deleted on purpose
  evidence/<drill>/       what a drill proved: evidence.json (evidence.json.sig: its SSH signature), report.html for people, and where it found very much, problems.json; hand-over.md after a recovery; a sabotage drill: sabotage.json
  evidence-head.json      the newest evidence of the digest chain, in which each names the one before

A full backup restores by itself; an incremental needs the backups named by "parent" in its record, back to a full:
  pg_combinebackup backups/<full>/data backups/<incremental>/data … -o NEW_DATA_DIRECTORY
then set restore_command = 'cp <here>/wal/%f "%p"', create recovery.signal, and start PostgreSQL.
No database or catalog is needed.
`;

/**
 * Opens a cluster's repository.
 *
 * @throws RepositoryError when there is none, when it is another cluster's, or when a newer pgdrill wrote it.
 */
export async function openRepository(cluster: { name: string; repository: string }): Promise<Repository> {
  const storage = new LocalStorage(cluster.repository);
  const text = await storage.readText(keys.identity);
  if (text === undefined) {
    throw new RepositoryError({
      what: `There is no pgdrill repository in ${cluster.repository}.`,
      means: `Cluster ${cluster.name} has no backups here yet, or the disk with them is not mounted.`,
      todo: `If the disk should be mounted, mount it. For a new repository run: pgdrill doctor ${cluster.name} --fix`,
    });
  }
  const identity = readIdentity(text, cluster.repository);
  if (identity.cluster !== cluster.name) {
    throw new RepositoryError({
      what: `The repository ${cluster.repository} belongs to cluster "${identity.cluster}", not to "${cluster.name}".`,
      means: 'Mixing two clusters’ backups would make both useless.',
      todo: 'Give each cluster a repository of its own in the configuration.',
    });
  }
  return { path: cluster.repository, cluster: cluster.name, storage, systemIdentifier: identity.systemIdentifier };
}

/**
 * Whose repository a directory is, for who has no configuration any more.
 *
 * @throws RepositoryError when there is none, or when a newer pgdrill wrote it.
 */
export async function clusterIn(path: string): Promise<string> {
  const text = await new LocalStorage(path).readText(keys.identity);
  if (text !== undefined) return readIdentity(text, path).cluster;
  throw new RepositoryError({
    what: `There is no pgdrill repository in ${path}: it has no ${keys.identity}.`,
    means: 'Nothing can be restored from there.',
    todo: 'Name the directory that holds pgdrill.json, backups and wal; if it should be mounted there, mount it.',
  });
}

function readIdentity(text: string, path: string): Identity {
  const parsed = identitySchema.safeParse(safeJson(text));
  if (!parsed.success) {
    throw new RepositoryError({
      what: `${path}/${keys.identity} is damaged: ${z.prettifyError(parsed.error)}`,
      means: 'pgdrill cannot tell whose backups these are.',
      todo: `Write it anew, e.g. {"formatVersion": ${formatVersion}, "cluster": "NAME"}; the backups themselves are not concerned.`,
    });
  }
  if (parsed.data.formatVersion > formatVersion) {
    throw new RepositoryError({
      what: `The repository ${path} has format version ${parsed.data.formatVersion}; this pgdrill knows up to ${formatVersion}.`,
      means: 'A newer pgdrill wrote it; this one could misread it.',
      todo: 'Use that newer pgdrill.',
    });
  }
  return parsed.data;
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Opens the repository, laying it out first where there is nothing yet. */
export async function openOrCreateRepository(cluster: {
  name: string;
  repository: string;
  walDirectory: string;
}): Promise<Repository> {
  const storage = new LocalStorage(cluster.repository);
  await makePrivateDirectory(cluster.repository);
  await makePrivateDirectory(storage.pathOf(keys.backups));
  await makePrivateDirectory(cluster.walDirectory);
  if (!(await exists(storage.pathOf(keys.identity)))) {
    await writeFileDurably(storage.pathOf('README.txt'), readme(cluster.name));
    const identity: Identity = { formatVersion, cluster: cluster.name };
    await storage.writeText(keys.identity, `${JSON.stringify(identity, null, 2)}\n`);
  }
  return await openRepository(cluster);
}

/**
 * Ties the repository to one cluster for good: the first time by writing the system identifier down, later by comparing.
 *
 * @throws RepositoryError when the cluster is another one than before.
 */
export async function claimFor(repository: Repository, systemIdentifier: string): Promise<void> {
  if (repository.systemIdentifier === systemIdentifier) return;
  if (repository.systemIdentifier !== undefined) {
    throw new RepositoryError({
      what: `The cluster behind "${repository.cluster}" has system identifier ${systemIdentifier}, but the backups in ${repository.path} are of ${repository.systemIdentifier}.`,
      means:
        'This is another database cluster (a new initdb, or a wrong address), not the one that was backed up here.',
      todo: 'Check the connection in the configuration. If the cluster was really made anew, give it a new repository.',
    });
  }
  const identity: Identity = { formatVersion, cluster: repository.cluster, systemIdentifier };
  await repository.storage.writeText(keys.identity, `${JSON.stringify(identity, null, 2)}\n`);
  repository.systemIdentifier = systemIdentifier;
}

/** All finished backups, oldest first. Directories without a record are not backups. */
export async function listBackups(repository: Repository): Promise<BackupRecord[]> {
  const records: BackupRecord[] = [];
  for (const id of await repository.storage.list(keys.backups)) {
    const text = await repository.storage.readText(keys.record(id));
    if (text === undefined) continue;
    const parsed = backupRecordSchema.safeParse(safeJson(text));
    if (!parsed.success) {
      throw new RepositoryError({
        what: `The record of backup ${id} is damaged: ${z.prettifyError(parsed.error)}`,
        means: 'pgdrill cannot tell what this backup is; it will not guess.',
        todo: `Restore ${repository.path}/${keys.record(id)} from a copy, or move the directory ${keys.backup(id)} away.`,
      });
    }
    records.push(parsed.data);
  }
  return records.sort((a, b) => a.startedAt.localeCompare(b.startedAt));
}
