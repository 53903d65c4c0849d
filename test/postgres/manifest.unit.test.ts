import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { RepositoryError } from '../../src/errors.js';
import { readManifest } from '../../src/postgres/manifest.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp('/tmp/pgdt-');
});
afterAll(() => rm(directory, { recursive: true }));

const text = `{ "PostgreSQL-Backup-Manifest-Version": 2,
"System-Identifier": 7533000000000000001,
"Files": [
{ "Path": "backup_label", "Size": 200, "Last-Modified": "2026-01-01 00:00:00 GMT", "Checksum-Algorithm": "CRC32C", "Checksum": "00" },
{ "Encoded-Path": "6261ff", "Size": 34, "Last-Modified": "2026-01-01 00:00:00 GMT" }
],
"WAL-Ranges": [
{ "Timeline": 2, "Start-LSN": "0/A000198", "End-LSN": "0/C000100" },
{ "Timeline": 1, "Start-LSN": "0/9000028", "End-LSN": "0/A000198" }
],
"Manifest-Checksum": "00"}
`;

describe('a backup manifest', () => {
  it('tells the identifier to its last digit, the whole range of WAL, and the size', async () => {
    await writeFile(join(directory, 'backup_manifest'), text);
    expect(await readManifest(directory)).toEqual({
      systemIdentifier: '7533000000000000001',
      timeline: 2,
      startLsn: '0/9000028',
      endLsn: '0/C000100',
      sizeBytes: 234,
      files: 2,
      sha256: createHash('sha256').update(text).digest('hex'),
    });
  });

  it.each([
    ['cut short', text.slice(0, 300)],
    ['empty', ''],
    ['without WAL', text.replace(/"WAL-Ranges": \[[^\]]*\]/, '"WAL-Ranges": []')],
    ['of before PostgreSQL 17', text.replace(/"System-Identifier": \d+,/, '')],
  ])('that is %s is refused by name', async (_, broken) => {
    await writeFile(join(directory, 'backup_manifest'), broken);
    await expect(readManifest(directory)).rejects.toThrow(RepositoryError);
    await expect(readManifest(directory)).rejects.toThrow(`${directory}/backup_manifest cannot be used`);
  });

  it('that is missing is refused by name', async () => {
    await rm(join(directory, 'backup_manifest'));
    await expect(readManifest(directory)).rejects.toThrow('backup_manifest cannot be used: it does not exist');
  });
});
