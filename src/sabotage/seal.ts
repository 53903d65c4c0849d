import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { RepositoryError } from '../errors.js';
import type { Expendable } from './expendable.js';

/** A backup of the copy, by its directory (the one that holds `record.json` and `data`). */
const manifestOf = (backup: string): string => join(backup, 'data', 'backup_manifest');

/**
 * Makes the manifest of a backup and its record say what is there now, as if the damage had been done before they were written. The
 * file's checksum becomes SHA-256, which the manifest's format allows a file each (PostgreSQL manual, "Backup Manifest Format").
 *
 * @param file below the data directory, as the manifest names it; one that is gone loses its entry.
 */
export async function sealFile(expendable: Expendable, backup: string, file: string): Promise<void> {
  const content = await readFile(join(backup, 'data', file)).catch(() => undefined);
  const lines = (await readFile(manifestOf(backup), 'utf8')).split('\n');
  const index = lines.findIndex((line) => line.includes(`"Path": ${JSON.stringify(file)},`));
  const entry = lines[index];
  if (entry === undefined) throw noEntry(file, backup);
  if (content === undefined) {
    // The last entry has no comma behind it: then the one before must lose its own.
    if (!entry.trimEnd().endsWith(',')) lines[index - 1] = (lines[index - 1] ?? '').replace(/,\s*$/, '');
    lines.splice(index, 1);
  } else {
    lines[index] = entry
      .replace(/"Size": \d+/, `"Size": ${content.length}`)
      .replace(/"Checksum-Algorithm": "\w+"/, '"Checksum-Algorithm": "SHA256"')
      .replace(/"Checksum": "[0-9a-f]+"/, `"Checksum": "${sha256(content)}"`);
  }
  await expendable.replace(manifestOf(backup), withChecksum(lines.join('\n')));
  await sealManifest(expendable, backup);
}

/** Makes the record name the manifest that is there now. */
export async function sealManifest(expendable: Expendable, backup: string): Promise<void> {
  const path = join(backup, 'record.json');
  const record = await readFile(path, 'utf8');
  const digest = sha256(await readFile(manifestOf(backup), 'utf8'));
  await expendable.replace(path, record.replace(/"manifestSha256": "[0-9a-f]+"/, `"manifestSha256": "${digest}"`));
}

/** A manifest ends with the digest of all that stands before it (backup_manifest.c, SendBackupManifest). */
function withChecksum(text: string): string {
  const label = '"Manifest-Checksum": "';
  const covered = text.slice(0, text.lastIndexOf(label));
  return `${covered}${label}${sha256(covered)}"}\n`;
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

function noEntry(file: string, backup: string): RepositoryError {
  return new RepositoryError({
    what: `The manifest of ${backup} has no entry for ${file}.`,
    means: 'The damage cannot be sealed, so this kind of sabotage proves nothing here.',
    todo: 'Try another seed.',
  });
}
