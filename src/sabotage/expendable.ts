import { copyFile, lstat, open, readFile, realpath, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';

import { z } from 'zod';

import { SandboxError } from '../errors.js';
import { makePrivateDirectory, writeFileDurably } from '../files/durable.js';
import { linkTree } from './link-tree.js';

const markerName = 'expendable.json';
const markerSchema = z.object({ expendable: z.literal(true), directory: z.string() });

/**
 * A directory that was made to be broken, and the only hand that breaks: everything that sabotage writes goes through here. One can only
 * be had of a directory below the cluster's sandboxes that `declare` has marked, and that is no part of what must stay whole.
 */
export class Expendable {
  private constructor(private readonly root: string) {}

  /**
   * Makes (or finds) the directory and marks it. Only for a sandbox directory that is new or our own.
   *
   * @throws SandboxError where it does not lie directly in the cluster's sandbox directory.
   */
  static async declare(directory: string, sandboxes: string): Promise<void> {
    await makePrivateDirectory(sandboxes);
    const parent = await realpath(dirname(directory)).catch(() => undefined);
    if (parent !== (await realpath(sandboxes))) throw refused(directory, `it does not lie in ${sandboxes}`);
    await makePrivateDirectory(directory);
    const marker = { expendable: true, directory: await realpath(directory) };
    await writeFileDurably(join(directory, markerName), JSON.stringify(marker));
  }

  /**
   * @param place.sandboxes the cluster's sandbox directory.
   * @param place.keepOut what must never be touched: the repository, the WAL archive.
   * @throws SandboxError where any of it is not as it has to be.
   */
  static async prove(directory: string, place: { sandboxes: string; keepOut: readonly string[] }): Promise<Expendable> {
    const real = await realpath(directory).catch(() => undefined);
    if (real === undefined) throw refused(directory, 'it does not exist');
    const sandboxes = await realpath(place.sandboxes);
    if (!isBelow(real, sandboxes)) throw refused(directory, `it does not lie below ${place.sandboxes}`);
    for (const precious of place.keepOut) {
      const kept = await realpath(precious).catch(() => precious);
      if (kept === real || isBelow(real, kept) || isBelow(kept, real))
        throw refused(directory, `it is part of ${precious}, or holds it`);
    }
    const text = await readFile(join(real, markerName), 'utf8').catch(() => '');
    const marker = markerSchema.safeParse(safeJson(text));
    if (!marker.success || marker.data.directory !== real) throw refused(directory, `its ${markerName} is not there`);
    return new Expendable(real);
  }

  /** Changes bytes of a file in place. @returns what was there before. */
  async overwrite(path: string, offset: number, change: (before: Buffer) => Buffer, length: number): Promise<Buffer> {
    const file = await open(await this.own(path), 'r+');
    try {
      const before = Buffer.alloc(length);
      const { bytesRead } = await file.read(before, 0, length, offset);
      if (bytesRead !== length) throw new RangeError(`${path} ends before ${offset + length}`);
      await file.write(change(Buffer.from(before)), 0, length, offset);
      return before;
    } finally {
      await file.close();
    }
  }

  /** Turns one bit over. */
  async flipBit(path: string, offset: number, bit: number): Promise<void> {
    await this.overwrite(path, offset, ([byte = 0]) => Buffer.from([byte ^ (1 << bit)]), 1);
  }

  async truncate(path: string, sizeBytes: number): Promise<void> {
    await truncate(await this.own(path), sizeBytes);
  }

  /** Gives a file other content. */
  async replace(path: string, content: string | Buffer): Promise<void> {
    await writeFile(await this.own(path), content);
  }

  /** Puts a copy of another directory of this same root in the place of one. */
  async replaceTree(path: string, by: string): Promise<void> {
    const [gone, from] = [await this.inside(path), await this.inside(by)];
    await rm(gone, { recursive: true });
    const tally = { files: 0, linkedBytes: 0, copiedBytes: 0 };
    await linkTree(from, gone, { from, to: gone }, tally, new AbortController().signal);
  }

  async remove(path: string): Promise<void> {
    await rm(await this.inside(path), { recursive: true });
  }

  /** Exchanges two files or directories. */
  async swap(a: string, b: string): Promise<void> {
    const [left, right] = [await this.inside(a), await this.inside(b)];
    const aside = `${left}.aside`;
    await rename(left, aside);
    await rename(right, left);
    await rename(aside, right);
  }

  /** The file, after all links and for certain inside. */
  private async inside(path: string): Promise<string> {
    const real = join(await realpath(dirname(path)), basename(path));
    if (!isBelow(real, this.root) || (await lstat(real)).isSymbolicLink())
      throw refused(path, `it does not lie in ${this.root}`);
    return real;
  }

  /** The file, sharing its content with no other: the copy is made of hard links to the repository. */
  private async own(path: string): Promise<string> {
    const real = await this.inside(path);
    const { nlink, uid, gid, mode, ...rest } = await stat(real);
    if (!(await lstat(real)).isFile()) throw refused(path, 'it is no file');
    if (nlink === 1) return real;
    const copy = `${real}.own-${rest.ino}`;
    await copyFile(real, copy);
    const file = await open(copy, 'r+');
    try {
      await file.chown(uid, gid);
      await file.chmod(mode & 0o777);
    } finally {
      await file.close();
    }
    await rename(copy, real);
    return real;
  }
}

function isBelow(path: string, directory: string): boolean {
  return path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}

function refused(path: string, reason: string): SandboxError {
  return new SandboxError({
    what: `Sabotage of ${path} is refused: ${reason}.`,
    means: 'Only a copy that was made to be broken may be broken; nothing was changed.',
    todo: 'Nothing, if this was a test. Else look at the sandbox directory in the configuration.',
  });
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
