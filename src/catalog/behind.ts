import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { codeOf } from '../errors.js';
import { makePrivateDirectory, writeFileDurably } from '../files/durable.js';
import type { Connection } from '../postgres/connection.js';
import { listBackups, openRepository } from '../repository/repository.js';
import { rebuild } from './rebuild.js';
import { type MonitoringEvent, recordEvent } from './record-event.js';

// What could not be written because the catalog was down: a file an event, in the state directory. The repository has the rest of it.
const directoryOf = (stateDirectory: string): string => join(stateDirectory, 'catalog-behind');

const eventSchema = z.object({
  cluster: z.string(),
  at: z.string(),
  severity: z.enum(['info', 'warning', 'critical']),
  kind: z.string(),
  message: z.string(),
  figures: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).optional(),
  operation: z.string(),
});

/** Keeps what the catalog has missed, until `catchUp`. The same event again is the same file. */
export async function keepForLater(stateDirectory: string, events: readonly MonitoringEvent[]): Promise<void> {
  const directory = directoryOf(stateDirectory);
  await makePrivateDirectory(directory);
  for (const event of events) {
    const name = createHash('sha256').update(event.operation).digest('hex');
    await writeFileDurably(join(directory, `${name}.json`), `${JSON.stringify(event)}\n`);
  }
}

interface Kept {
  path: string;
  event: MonitoringEvent;
}

async function listKept(stateDirectory: string): Promise<Kept[]> {
  const directory = directoryOf(stateDirectory);
  const kept: Kept[] = [];
  for (const name of (await readdir(directory).catch(ignoreMissing)).filter((each) => each.endsWith('.json'))) {
    const path = join(directory, name);
    // Another step may just have written and removed it.
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text !== undefined) kept.push({ path, event: eventSchema.parse(JSON.parse(text)) as MonitoringEvent });
  }
  return kept;
}

/**
 * Brings a catalog that answers again up to date: the repositories of the clusters concerned are read anew, then the events that only
 * this host knows. Every row has a key, so that what is there already is not written twice, however often this is done or interrupted.
 *
 * @param clusters those of the configuration.
 * @returns how many events had been missed; 0 where the catalog was not behind.
 */
export async function catchUp(
  client: Connection,
  stateDirectory: string,
  clusters: readonly { name: string; repository: string }[],
): Promise<number> {
  const kept = await listKept(stateDirectory);
  for (const cluster of clusters.filter(({ name }) => kept.some(({ event }) => event.cluster === name))) {
    const repository = await openRepository(cluster);
    await rebuild(client, repository);
    // Retention may have deleted meanwhile: when, only the missed event says; noticed is better than never.
    await client.query(
      `update pgdrill.backup_history set deleted_at = now()
        where cluster = $1 and status = 'completed' and deleted_at is null and not backup_id = any($2)`,
      [cluster.name, (await listBackups(repository)).map(({ id }) => id)],
    );
  }
  for (const { event } of kept.toSorted((a, b) => a.event.at.localeCompare(b.event.at)))
    await recordEvent(client, event);
  for (const { path } of kept) await rm(path, { force: true });
  return kept.length;
}

function ignoreMissing(error: unknown): string[] {
  if (codeOf(error) === 'ENOENT') return [];
  throw error;
}
