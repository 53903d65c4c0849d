import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { renameDurably } from '../files/durable.js';
import type { StepContext } from '../process/step-context.js';
import { keys, type Repository } from '../repository/repository.js';

/** A hidden name beside the backups: the same file system, so that the rename is atomic, and never listed. */
const prefix = '.trash-';

/** Makes a backup vanish at once and whole: its files go later, and nobody ever sees half of them. */
export async function toTrash({ storage }: Repository, id: string): Promise<void> {
  await renameDurably(storage.pathOf(keys.backup(id)), join(storage.pathOf(keys.backups), `${prefix}${id}`));
}

/** Removes the files of what has vanished, also what an earlier attempt left. */
export async function emptyTrash({ storage }: Repository, context: StepContext): Promise<void> {
  const directory = storage.pathOf(keys.backups);
  for (const name of (await readdir(directory)).filter((each) => each.startsWith(prefix))) {
    context.signal.throwIfAborted();
    context.progress({ doing: `removing the files of ${name.slice(prefix.length)}` });
    // Links to tablespaces are removed as links; what they point to lies in the same tree.
    await rm(join(directory, name), { recursive: true, force: true });
  }
}
