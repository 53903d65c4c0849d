import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';

import { onceARun } from '../support/once-a-run.js';

/**
 * A disk with I/O errors, or a slow one, below a directory, for the processes that are started with its environment and all that they start:
 * pgdrill's worker, the tools, the sandbox's server, `cp` of restore_command. No device is needed: a library is put between them and the
 * C library (bad-disk.c). It is good until it is told otherwise.
 */
export interface BadDisk {
  env: Record<string, string>;
  /** What begins with this lies on the bad part of it. */
  readonly directory: string;
  /** From now on such calls fail with EIO; only below `part`, if there is one. */
  fail: (kinds: readonly ('reads' | 'writes' | 'removals')[], part?: string) => void;
  /** From now on each read and each write takes this much longer; one of them, the next, longer still. Only below `part`, if there is one. */
  slowDown: (by: { perCallMs: number; onceMs?: number }, part?: string) => void;
  /** From now on it is good. */
  mend: () => void;
  /** Seconds that one thread of one process has waited for it, at most: so long took at least what it had to do. */
  longestWaitSeconds: () => number;
  /** Programs that met a fault, with the call and the path. */
  hits: () => string[];
  remove: () => void;
}

const kindBits = { reads: 1, writes: 2, removals: 4 };
/** As in bad-disk.c. */
const offsets = { failing: 0, delayMicros: 4, stallMillis: 8, longest: 16, directory: 24 };
const pageBytes = offsets.directory + 2_048;

/** Why there can be no bad disk on this machine; undefined where there can. */
export function whyNoBadDisk(): string | undefined {
  if (process.platform !== 'linux' || endianness() !== 'LE')
    return 'a bad disk is made by a preloaded library, on Linux';
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'a bad disk is made by a library that is compiled by cc, and there is no C compiler here';
  }
}

/** @param whole whatever begins with it lies on that disk; need not exist yet. */
export async function makeBadDisk(scratch: string, whole: string): Promise<BadDisk> {
  const library = await onceARun('bad-disk.so', (path) => {
    const source = join(import.meta.dirname, 'bad-disk.c');
    execFileSync('cc', ['-shared', '-fPIC', '-O2', '-o', path, source, '-ldl']);
    return Promise.resolve();
  });
  const control = join(scratch, 'bad-disk');
  for (const [path, content] of [
    [control, Buffer.alloc(pageBytes)],
    [`${control}.hits`, ''],
  ] as const) {
    writeFileSync(path, content);
    chmodSync(path, 0o666); // for the server user, too
  }
  const page = openSync(control, 'r+');
  const put = (at: number, value: number): void => {
    const number = Buffer.alloc(4);
    number.writeUInt32LE(value);
    writeSync(page, number, 0, 4, at);
  };
  let directory = whole;
  const on = (part = whole): void => {
    directory = part;
    writeSync(page, `${part.replace(scratch, realpathSync(scratch))}\0`, offsets.directory);
  };
  const fail = (kinds: readonly (keyof typeof kindBits)[]): void =>
    put(
      offsets.failing,
      kinds.reduce((bits, kind) => bits | kindBits[kind], 0),
    );
  const slowDown = ({ perCallMs, onceMs = 0 }: { perCallMs: number; onceMs?: number }): void => {
    put(offsets.stallMillis, onceMs);
    put(offsets.delayMicros, perCallMs * 1_000);
  };
  return {
    env: { LD_PRELOAD: library, PGDRILL_TEST_BAD_DISK: control },
    get directory() {
      return directory;
    },
    fail: (kinds, part) => {
      on(part);
      fail(kinds);
    },
    slowDown: (by, part) => {
      on(part);
      slowDown(by);
    },
    mend: () => {
      fail([]);
      slowDown({ perCallMs: 0 });
    },
    longestWaitSeconds: () => {
      const number = Buffer.alloc(8);
      readSync(page, number, 0, 8, offsets.longest);
      return Number(number.readBigUInt64LE()) / 1e6;
    },
    hits: () => readFileSync(`${control}.hits`, 'utf8').split('\n').filter(Boolean),
    remove: () => closeSync(page),
  };
}
