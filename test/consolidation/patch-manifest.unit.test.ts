import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { withChecksums } from '../../src/consolidation/patch-manifest.js';

const lines = [
  '{ "PostgreSQL-Backup-Manifest-Version": 2,',
  '"System-Identifier": 7656812345678901234,',
  '"Files": [',
  '{ "Path": "base/5/1259_vm", "Size": 8192, "Last-Modified": "2026-11-24 16:00:00 GMT", "Checksum-Algorithm": "CRC32C", "Checksum": "2cf0a7d1" },',
  '{ "Path": "base/5/1259", "Size": 8192, "Last-Modified": "2026-11-24 16:00:00 GMT", "Checksum-Algorithm": "CRC32C", "Checksum": "aaaaaaaa" }',
  '],',
  '"WAL-Ranges": [',
  '{ "Timeline": 1, "Start-LSN": "0/2000028", "End-LSN": "0/2000120" }',
  '],',
];
const manifest = `${lines.join('\n')}\n"Manifest-Checksum": "00"}\n`;

describe('a manifest with other checksums', () => {
  it('has those of the files named, and its own', () => {
    const changed = withChecksums(manifest, new Map([['base/5/1259_vm', 'ff00']]));
    expect(changed).toContain(
      '"base/5/1259_vm", "Size": 8192, "Last-Modified": "2026-11-24 16:00:00 GMT", "Checksum-Algorithm": "SHA256", "Checksum": "ff00" },',
    );
    expect(changed).toContain('"Checksum": "aaaaaaaa"');
    const [, covered = '', own] = /^([^]*\n)"Manifest-Checksum": "([0-9a-f]+)"\}\n$/.exec(changed) ?? [];
    expect(own).toBe(createHash('sha256').update(covered).digest('hex'));
    expect(() => JSON.parse(changed) as unknown).not.toThrow();
  });

  it('is not made where a file is not in it, or where it is none', () => {
    expect(() => withChecksums(manifest, new Map([['base/5/1', 'ff']]))).toThrow('base/5/1 is not in the manifest');
    expect(() => withChecksums('{}', new Map())).toThrow('no checksum of its own');
  });
});
