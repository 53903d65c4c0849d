import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { codeOf } from '../errors.js';
import { makePrivateDirectory, readTextFile, renameDurably, writeFileDurably } from '../files/durable.js';
import { reapTool } from '../process/tool-lock.js';
import { forget, note } from '../registry/current.js';
import { idOf } from '../registry/registry.js';
import { lockPathOf, type Storage } from './storage.js';

/** A repository in a local directory (or a mounted one). */
export class LocalStorage implements Storage {
  constructor(readonly root: string) {}

  /** @throws RangeError for a key that leads out of where it begins: ids come from people and from files. */
  pathOf(key: string): string {
    if (key.split('/').includes('..')) throw new RangeError(`not a key: ${key}`);
    return join(this.root, key);
  }

  async readText(key: string): Promise<string | undefined> {
    try {
      return await readTextFile(this.pathOf(key));
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
      throw error;
    }
  }

  async writeText(key: string, text: string): Promise<void> {
    await makePrivateDirectory(dirname(this.pathOf(key)));
    await writeFileDurably(this.pathOf(key), text);
  }

  async list(folder: string): Promise<string[]> {
    try {
      const names = await readdir(this.pathOf(folder));
      return names.filter((name) => !name.startsWith('.') && !name.includes('.partial-')).sort();
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    }
  }

  async stage(key: string, attempt: number): Promise<string> {
    await this.discardStaged(key);
    const staged = `${this.pathOf(key)}.partial-${attempt}`;
    await note(idOf('staged', staged), { kind: 'staged', path: staged });
    await makePrivateDirectory(staged);
    return staged;
  }

  async publish(staged: string, key: string): Promise<void> {
    await renameDurably(staged, this.pathOf(key));
    await forget(idOf('staged', staged));
  }

  async discardStaged(key: string): Promise<void> {
    const folder = dirname(this.pathOf(key));
    const prefix = `${basename(key)}.partial-`;
    const names = await readdir(folder).catch(() => []);
    for (const name of names.filter((each) => each.startsWith(prefix))) {
      const staged = join(folder, name.replace(/\.lock$/, ''));
      await reapTool(lockPathOf(staged));
      await rm(staged, { recursive: true, force: true });
      await forget(idOf('staged', staged));
    }
  }

  async listStaged(folder: string): Promise<string[]> {
    const names = await readdir(this.pathOf(folder)).catch(() => []);
    return [...new Set(names.flatMap((name) => /^(.+)\.partial-/.exec(name)?.[1] ?? []))];
  }

  async writeInto(staged: string, name: string, text: string): Promise<void> {
    await writeFileDurably(join(staged, name), text);
  }

  fetch(key: string): Promise<string> {
    return Promise.resolve(this.pathOf(key));
  }
}
