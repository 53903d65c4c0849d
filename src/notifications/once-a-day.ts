import { createHash } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { exists, makePrivateDirectory, writeFileDurably } from '../files/durable.js';

/** What was told is remembered for longer than anybody asks. */
const rememberedMs = 7 * 86_400_000;

const directoryOf = (stateDirectory: string): string => join(stateDirectory, 'notified');
const fileOf = (stateDirectory: string, channel: string, id: string): string =>
  join(directoryOf(stateDirectory), createHash('sha256').update(`${channel}\n${id}`).digest('hex'));

/** Whether a channel has taken the message with this id. What is looked for again and again must not be told again and again. */
export async function wasTold(stateDirectory: string, channel: string, id: string): Promise<boolean> {
  return await exists(fileOf(stateDirectory, channel, id));
}

export async function noteTold(stateDirectory: string, channel: string, id: string): Promise<void> {
  const directory = directoryOf(stateDirectory);
  await makePrivateDirectory(directory);
  await writeFileDurably(fileOf(stateDirectory, channel, id), `${new Date().toISOString()}\n`);
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const modified = await stat(path).catch(() => undefined);
    if (modified !== undefined && Date.now() - modified.mtimeMs > rememberedMs) await rm(path, { force: true });
  }
}
