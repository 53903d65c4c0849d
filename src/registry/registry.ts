import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { codeOf } from '../errors.js';
import { makePrivateDirectory, writeFileDurably } from '../files/durable.js';
import { type Entry, entrySchema } from './entry.js';

export interface Listed {
  id: string;
  entry: Entry;
}

/** What runs and lies about on this host on behalf of which run: one small JSON file each, in the state directory. */
export class Registry {
  readonly directory: string;

  constructor(stateDirectory: string) {
    this.directory = join(stateDirectory, 'registry');
  }

  /**
   * Writes an entry. Directories outlive a crash of the machine, so their entries have to as well; processes do not, and an fsync for
   * each tool would only cost.
   */
  async put(id: string, entry: Entry): Promise<void> {
    await makePrivateDirectory(this.directory);
    const text = `${JSON.stringify(entry, null, 2)}\n`;
    if (entry.kind === 'sandbox' || entry.kind === 'staged') {
      await writeFileDurably(this.pathOf(id), text);
      return;
    }
    const draft = join(this.directory, `.${id}.${randomUUID().slice(0, 8)}`);
    try {
      await writeFile(draft, text, { mode: 0o600 });
      await rename(draft, this.pathOf(id));
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  async drop(id: string): Promise<void> {
    await rm(this.pathOf(id), { force: true });
  }

  /** All entries, and the files that are none (such as one that a power cut emptied). Entries that vanish meanwhile are left out. */
  async list(): Promise<{ entries: Listed[]; unreadable: string[] }> {
    const entries: Listed[] = [];
    const unreadable: string[] = [];
    for (const name of (await namesIn(this.directory)).filter((each) => /^[^.].*\.json$/.test(each)).sort()) {
      const text = await readFile(join(this.directory, name), 'utf8').catch((error: unknown) => {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw error;
      });
      if (text === undefined) continue;
      const parsed = entrySchema.safeParse(parseJson(text));
      if (parsed.success) entries.push({ id: name.slice(0, -'.json'.length), entry: parsed.data });
      else unreadable.push(join(this.directory, name));
    }
    return { entries, unreadable };
  }

  private pathOf(id: string): string {
    return join(this.directory, `${id}.json`);
  }
}

/** The id of what lies at a path: the same for whoever makes it and whoever removes it. */
export function idOf(kind: 'sandbox' | 'staged', path: string): string {
  return `${kind}-${createHash('sha256').update(path).digest('hex').slice(0, 16)}`;
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
