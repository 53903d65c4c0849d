import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { ToolError } from '../errors.js';
import { fsyncPath, renameDurably } from '../files/durable.js';
import { runTool } from '../process/run-tool.js';
import { type Compression, listWalFiles, suffixOf } from '../repository/wal-files.js';
import { noProgram } from '../repository/wal-window.js';

/** A segment this young may be what somebody is just about to read. */
const restMs = 60_000;

/** @throws ToolchainError where the program is missing. */
export async function requireProgram(compression: Compression, signal: AbortSignal): Promise<void> {
  try {
    await runTool({ file: '/bin/sh', args: ['-c', `command -v ${compression}`], signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof ToolError ? noProgram(compression, error) : error;
  }
}

/**
 * Compresses finished segments. The newest of each timeline stays as it is: behind it pg_receivewal goes on after a restart. A compressed
 * segment is read back and compared before the plain one goes.
 *
 * @returns how many were compressed.
 */
export async function compressFinished(
  directory: string,
  segmentSizeBytes: number,
  compression: Compression,
  signal: AbortSignal,
  rest = restMs,
): Promise<number> {
  const suffix = `.${suffixOf[compression]}`;
  for (const name of await readdir(directory))
    // what a killed attempt left
    if (name.endsWith(`${suffix}.new`)) await rm(join(directory, name), { force: true });
  const plain = [...(await listWalFiles(directory, segmentSizeBytes)).values()].filter(({ form }) => form === 'plain');
  const newest = new Map<number, bigint>();
  for (const { timeline, number } of plain) if (number > (newest.get(timeline) ?? -1n)) newest.set(timeline, number);
  let done = 0;
  for (const { name, timeline, number } of plain) {
    signal.throwIfAborted();
    const path = join(directory, name);
    if (number === newest.get(timeline) || Date.now() - (await stat(path)).mtimeMs < rest) continue;
    await runTool({
      file: '/bin/sh',
      args: [
        '-c',
        'umask 077; "$1" -c "$2" > "$3" && "$1" -dc "$3" | cmp - "$2"',
        'sh',
        compression,
        path,
        `${path}${suffix}.new`,
      ],
      writesTo: directory,
      signal,
    });
    await fsyncPath(`${path}${suffix}.new`);
    await renameDurably(`${path}${suffix}.new`, `${path}${suffix}`);
    await rm(path);
    done += 1;
  }
  return done;
}
