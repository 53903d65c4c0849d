import { chown, mkdtemp, open, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { codeOf, RepositoryError, ToolError, ToolKilledError, ToolchainError } from '../errors.js';
import { copyWithOwner } from '../files/copy-with-owner.js';
import { bigIntToLsn, lsnToBigInt } from '../postgres/lsn.js';
import { segmentName, segmentNumberOf } from '../postgres/wal-segment.js';
import { startTimeOf } from '../process/process-identity.js';
import { runTool } from '../process/run-tool.js';
import { serverUser } from '../process/server-user.js';
import { type Compression, listWalFiles, type WalFile } from './wal-files.js';

/** A stretch of one timeline's WAL in an archive directory. */
export interface Stretch {
  walDirectory: string;
  timeline: number;
  from: string;
  /** Exclusive. */
  to: string;
  segmentSizeBytes: number;
}

/**
 * How the segments of a stretch lie there: `plain`, so that a program can read them where they are; `partial` among plain ones; or
 * `compressed`. Missing ones count as plain: whoever reads says that they are missing.
 */
export async function formOf(stretch: Stretch): Promise<'plain' | 'partial' | 'compressed'> {
  const forms = new Set((await filesOf(stretch)).map(({ form }) => form));
  if (forms.has('gzip') || forms.has('lz4') || forms.has('zstd')) return 'compressed';
  return forms.has('partial') ? 'partial' : 'plain';
}

/**
 * Shows a stretch of WAL to a program as the server would have it: a directory with plain segments under their own names. Plain ones are
 * links, a partial one is a copy (it is being written to), compressed ones are unpacked. The directory goes when `work` has ended.
 */
export async function withWalWindow<T>(
  stretch: Stretch,
  signal: AbortSignal | undefined,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  return await withScratch(async (directory) => {
    await showAll(stretch, directory, signal).catch(async (error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error;
      await showAll(stretch, directory, signal); // it was finished, or compressed, meanwhile: now it has another name
    });
    return await work(directory);
  });
}

/** A directory for a moment, which the server user can read and write. What killed workers left of theirs is removed on the way. */
export async function withScratch<T>(work: (directory: string) => Promise<T>): Promise<T> {
  await removeDeadWindows();
  const directory = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-${startMark(process.pid)}-`));
  try {
    const user = serverUser();
    if (user !== undefined) await chown(directory, user.uid, user.gid);
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function showAll(stretch: Stretch, directory: string, signal: AbortSignal | undefined): Promise<void> {
  const packed: Packed[] = [];
  for (const { name, segment, form } of await filesOf(stretch)) {
    const [source, target] = [join(stretch.walDirectory, name), join(directory, segment)];
    await rm(target, { force: true });
    if (form === 'plain') await symlink(source, target);
    else if (form === 'partial') await copyWithOwner(source, target);
    else packed.push({ compression: form, source, target });
  }
  await unpack(packed, signal);
}

interface Packed {
  compression: Compression;
  source: string;
  target: string;
}

/** One shell for many files: starting a program costs more than unpacking a segment. */
const unpackAll =
  'while [ $# -gt 0 ]; do "$1" -dc "$2" > "$3" || { code=$?; echo "$1: $2" >&2; exit $code; }; shift 3; done';

/** Unpacks compressed segments into new files. @throws RepositoryError when one is damaged, ToolchainError when its program is missing. */
export async function unpack(packed: readonly Packed[], signal?: AbortSignal): Promise<void> {
  const [first] = packed;
  if (first === undefined) return;
  try {
    await runTool({
      file: '/bin/sh',
      args: [
        '-c',
        unpackAll,
        'sh',
        ...packed.flatMap(({ compression, source, target }) => [compression, source, target]),
      ],
      writesTo: first.target,
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (!(error instanceof ToolError) || error instanceof ToolKilledError) throw error;
    const failed = packed.find(({ source }) => error.stderrTail.trimEnd().endsWith(source)) ?? first;
    if (error.toolExitCode === 127 || error.toolExitCode === 126) throw noProgram(failed.compression, error);
    throw new RepositoryError(
      {
        what: `The WAL segment ${failed.source} cannot be unpacked: ${error.stderrTail.trim()}`,
        means: 'It is damaged; replay cannot get past that place.',
        todo: 'Bring it back if another copy exists (the source’s pg_wal, a standby); else choose a target before it and take a new full backup.',
      },
      { cause: error },
    );
  }
}

export function noProgram(compression: Compression, cause?: unknown): ToolchainError {
  return new ToolchainError(
    {
      what: `The program ${compression} is not on the PATH (or may not be run).`,
      means: `Without it, WAL segments can neither be compressed with ${compression} nor be read again.`,
      todo: `Install ${compression} on this host, or choose another wal.compression.`,
    },
    { cause },
  );
}

/** What of a stretch is there, in order. */
async function filesOf({ walDirectory, timeline, from, to, segmentSizeBytes }: Stretch): Promise<WalFile[]> {
  const held = await listWalFiles(walDirectory, segmentSizeBytes);
  const last = segmentNumberOf(bigIntToLsn(lsnToBigInt(to) - 1n), segmentSizeBytes);
  const files: WalFile[] = [];
  for (let number = segmentNumberOf(from, segmentSizeBytes); number <= last; number += 1n) {
    const file = held.get(segmentName({ timeline, number }, segmentSizeBytes));
    if (file !== undefined) files.push(file);
  }
  return files;
}

const prefix = 'pgdrill-wal-';

function startMark(pid: number): string {
  return (startTimeOf(pid) ?? 'gone').replace(/[^0-9A-Za-z]/g, '');
}

/** Windows of workers that were killed: their names say whose they were. */
async function removeDeadWindows(): Promise<void> {
  for (const name of await readdir(tmpdir()).catch(() => [])) {
    const [, pid, startTime] = new RegExp(`^${prefix}(\\d+)-(\\w+)-`).exec(name) ?? [];
    if (pid === undefined || startTime === undefined) continue;
    if (startMark(Number(pid)) !== startTime) await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
}

/** Overwrites a file with zeros from an offset on; its length stays. */
export async function zeroFrom(path: string, offset: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    if (offset < size) await file.write(Buffer.alloc(size - offset), 0, size - offset, offset);
    await file.sync();
  } finally {
    await file.close();
  }
}
