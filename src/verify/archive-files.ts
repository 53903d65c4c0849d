import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { codeOf } from '../errors.js';
import { type Compression, parseWalFileName } from '../repository/wal-files.js';

export interface ArchivedFile {
  name: string;
  timeline: number;
  number: bigint;
  /** `none`: as it is. */
  compression: 'none' | Compression;
  /** True where the segment was not complete when its timeline ended, or is still being received. */
  partial: boolean;
  sizeBytes: number;
  modifiedMs: number;
}

/** Everything in an archive directory, sorted by what it is. */
export interface ArchiveFiles {
  directory: string;
  segments: ArchivedFile[];
  /** Timelines with a history file. */
  histories: number[];
  /** What is being written, or was when something crashed. */
  temporary: string[];
  foreign: string[];
}

/**
 * Lists an archive directory. A missing one is an empty archive; files that go while it is read are not in it.
 *
 * Known are: segments (also compressed and `.partial`), timeline histories, backup histories (`….backup`, of any tool that takes base
 * backups), and what basic_archive (`archtemp.…`) and pg_receivewal (`….tmp`) write before they rename it.
 */
export async function listArchiveFiles(
  directory: string,
  segmentSizeBytes: number,
  signal: AbortSignal,
): Promise<ArchiveFiles> {
  const files = emptyArchive(directory);
  const names: string[] = [];
  try {
    for await (const { name } of await opendir(directory)) names.push(name);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') throw error;
  }
  for (const name of names.sort()) {
    signal.throwIfAborted();
    const history = /^([0-9A-F]{8})\.history$/.exec(name)?.[1];
    if (history !== undefined) {
      files.histories.push(Number.parseInt(history, 16));
      continue;
    }
    const segment = parseArchivedName(name, segmentSizeBytes);
    if (segment === undefined) {
      if (/^[0-9A-F]{24}\.[0-9A-F]{8}\.backup$/.test(name)) continue;
      const temporary =
        name.startsWith('archtemp.') || name.startsWith('.') || /\.(tmp|partial-.*|(gz|lz4|zst)\.partial)$/.test(name);
      files[temporary ? 'temporary' : 'foreign'].push(name);
      continue;
    }
    try {
      const entry = await stat(join(directory, name));
      if (entry.isFile()) files.segments.push({ name, ...segment, sizeBytes: entry.size, modifiedMs: entry.mtimeMs });
      else files.foreign.push(name);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
  return files;
}

export function parseArchivedName(
  name: string,
  segmentSizeBytes: number,
): Pick<ArchivedFile, 'timeline' | 'number' | 'compression' | 'partial'> | undefined {
  const file = parseWalFileName(name, segmentSizeBytes);
  if (file === undefined) return undefined;
  const { timeline, number, form } = file;
  return {
    timeline,
    number,
    compression: form === 'plain' || form === 'partial' ? 'none' : form,
    partial: form === 'partial',
  };
}

/** An archive of which nothing is known. */
export function emptyArchive(directory: string): ArchiveFiles {
  return { directory, segments: [], histories: [], temporary: [], foreign: [] };
}
