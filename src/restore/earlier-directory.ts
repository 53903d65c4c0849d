import { chmod, chown, mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { codeOf } from '../errors.js';
import { writeFileDurably } from '../files/durable.js';
import { isRecovery } from '../registry/entry.js';
import type { Sandbox } from '../schema/results.js';

const earlierSchema = z.object({ mode: z.number().int(), uid: z.number().int(), gid: z.number().int() });

type Layout = Pick<Sandbox, 'directory' | 'dataDirectory'>;

const fileOf = (layout: Layout): string => join(layout.directory, 'earlier-directory.json');

/** Notes what an empty directory was like that somebody had made for a recovery: the restore puts another one in its place. */
export async function noteEarlierDirectory(layout: Layout): Promise<void> {
  if (!isRecovery(layout)) return;
  try {
    const { mode, uid, gid } = await stat(layout.dataDirectory);
    await writeFileDurably(fileOf(layout), JSON.stringify({ mode: mode & 0o7777, uid, gid }));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

/** Makes the directory again, empty and as it was, once what was restored into it is gone. Where there was none, there is none. */
export async function restoreEarlierDirectory(layout: Layout): Promise<void> {
  const text = await readFile(fileOf(layout), 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const { mode, uid, gid } = earlierSchema.parse(JSON.parse(text));
  await mkdir(layout.dataDirectory, { recursive: true });
  await chown(layout.dataDirectory, uid, gid);
  await chmod(layout.dataDirectory, mode);
}
