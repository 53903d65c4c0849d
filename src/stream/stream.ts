import { z } from 'zod';

import { RepositoryError } from '../errors.js';
import type { Conninfo } from '../postgres/conninfo.js';
import type { Repository } from '../repository/repository.js';
import type { StreamedWal } from '../repository/wal-mode.js';

/** A stream of WAL from a cluster into its repository. */
export interface Stream {
  /** The cluster's name. */
  name: string;
  connection: Conninfo;
  repository: Repository;
  walDirectory: string;
  wal: StreamedWal;
}

/** Says in the repository that a slot is ours: one that exists without this is somebody else's. */
const markSchema = z.object({ slot: z.string(), systemIdentifier: z.string(), createdAt: z.string() });
export type SlotMark = z.infer<typeof markSchema>;

const markKey = 'stream.json';

export async function readMark({ storage }: Repository): Promise<SlotMark | undefined> {
  const text = await storage.readText(markKey);
  if (text === undefined) return undefined;
  try {
    return markSchema.parse(JSON.parse(text));
  } catch {
    return undefined; // then the slot is not known to be ours, and is refused rather than touched
  }
}

export async function writeMark({ storage }: Repository, mark: SlotMark | undefined): Promise<void> {
  await storage.writeText(markKey, mark === undefined ? 'null\n' : `${JSON.stringify(mark, null, 2)}\n`);
}

/** Where pg_receivewal's lock lies: beside the WAL, not in it. */
export function streamLock(stream: Pick<Stream, 'repository'>): string {
  return stream.repository.storage.pathOf('stream.lock');
}

/** The source has no longer what the archive needs next. */
export function gapError(stream: Pick<Stream, 'name' | 'walDirectory'>, why: string): RepositoryError {
  return new RepositoryError({
    what: `The WAL stream of ${stream.name} has a gap: ${why}`,
    means: `What was committed between the end of the WAL in ${stream.walDirectory} and what the source still has cannot be restored to from the backups so far.`,
    todo: `Go on behind the gap and take a new full backup at once: pgdrill stream start ${stream.name} --accept-gap && pgdrill backup ${stream.name} --type full`,
  });
}
