import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** pgdrill's own version, from the package.json above us (two folders up when built, one in the sources). */
export const version = readVersion(dirname(fileURLToPath(import.meta.url)));

function readVersion(folder: string): string {
  try {
    const parsed = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      name?: string;
      version?: string;
    };
    if (parsed.name === 'pgdrill' && parsed.version !== undefined) return parsed.version;
  } catch {
    // not here: look further up
  }
  return dirname(folder) === folder ? 'unknown' : readVersion(dirname(folder));
}
