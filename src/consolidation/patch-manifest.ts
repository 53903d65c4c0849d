import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { writeFileDurably } from '../files/durable.js';

/**
 * Writes the checksums of some files of a backup into its manifest anew, as SHA-256 (each file names its own algorithm), and the manifest's
 * own behind them (PostgreSQL manual, "Backup Manifest Format": over all lines before its own).
 *
 * @param paths as the manifest names them. Their sizes are as before.
 */
export async function patchManifest(dataDirectory: string, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return;
  const path = join(dataDirectory, 'backup_manifest');
  const checksums = new Map<string, string>();
  for (const each of paths) checksums.set(each, await sha256Of(join(dataDirectory, each)));
  await writeFileDurably(path, withChecksums(await readFile(path, 'utf8'), checksums));
}

const fileLine = /^(\{ "Path": "([^"\\]*)".*"Checksum-Algorithm": ")[A-Z0-9]+(", "Checksum": ")[0-9a-f]+(".*)$/;

/**
 * @param checksums SHA-256 in hexadecimal, by the files' paths.
 * @throws RangeError when one of them is not in the manifest.
 */
export function withChecksums(manifest: string, checksums: ReadonlyMap<string, string>): string {
  const found = new Set<string>();
  const lines = manifest.split('\n').map((line) => {
    const [, before, path = '', between, after] = fileLine.exec(line) ?? [];
    const checksum = checksums.get(path);
    if (before === undefined || checksum === undefined) return line;
    found.add(path);
    return `${before}SHA256${between ?? ''}${checksum}${after ?? ''}`;
  });
  const missing = [...checksums.keys()].find((path) => !found.has(path));
  if (missing !== undefined) throw new RangeError(`${missing} is not in the manifest`);
  const own = lines.findIndex((line) => line.startsWith('"Manifest-Checksum"'));
  if (own < 0) throw new RangeError('the manifest has no checksum of its own');
  const covered = `${lines.slice(0, own).join('\n')}\n`;
  return `${covered}"Manifest-Checksum": "${createHash('sha256').update(covered).digest('hex')}"}\n`;
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
