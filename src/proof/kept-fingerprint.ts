import { createHash } from 'node:crypto';

import { RepositoryError } from '../errors.js';
import { keys, type Repository } from '../repository/repository.js';
import type { Capture, KnownFence } from '../schema/results.js';
import { type ClusterFingerprint, clusterFingerprintSchema } from './fingerprint-schema.js';

/** Writes the source's fingerprint into the drill's evidence. @returns where it lies, its digest, and what it counts. */
export async function keepFingerprint(
  { repository, drillId }: { repository: Repository; drillId: string },
  fingerprint: ClusterFingerprint,
): Promise<Omit<Capture['fingerprint'], 'durationMs'>> {
  const text = JSON.stringify(fingerprint);
  const key = `${keys.evidence(drillId)}/source-fingerprint.json`;
  await repository.storage.writeText(key, text);
  const relations = fingerprint.databases.flatMap((database) => database.relations);
  return {
    path: key,
    sha256: createHash('sha256').update(text).digest('hex'),
    databases: fingerprint.databases.length,
    tables: relations.length,
    rows: relations.reduce((sum, { rows }) => sum + Number(rows), 0),
    sizeBytes: relations.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

/** Reads the kept fingerprint back. @throws RepositoryError when it is not the one that was taken. */
export async function readKeptFingerprint(
  repository: Repository,
  kept: KnownFence['fingerprint'],
): Promise<ClusterFingerprint> {
  const text = await repository.storage.readText(kept.path);
  if (text === undefined || createHash('sha256').update(text).digest('hex') !== kept.sha256) {
    throw new RepositoryError({
      what: `The source's fingerprint ${kept.path} ${text === undefined ? 'is gone' : 'was changed since it was taken'}.`,
      means: 'Nothing is left to compare the restored content with.',
      todo: 'Run the drill again.',
    });
  }
  return clusterFingerprintSchema.parse(JSON.parse(text));
}
