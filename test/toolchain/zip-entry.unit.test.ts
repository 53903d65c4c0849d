import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

import { readZipEntry } from '../../src/toolchain/zip-entry.js';

describe('a zip archive', () => {
  it.each(['stored', 'deflated'] as const)('gives back an entry that is %s', (packing) => {
    const archive = zip({ 'a.txt': 'first', 'b.txt': 'second '.repeat(100) }, packing, 'a comment at the end');
    expect(readZipEntry(archive, (name) => name === 'a.txt').toString()).toBe('first');
    expect(readZipEntry(archive, (name) => name === 'b.txt').toString()).toBe('second '.repeat(100));
  });

  it('says so when it has no such entry, or is no archive', () => {
    expect(() => readZipEntry(zip({ 'a.txt': 'x' }, 'stored', ''), () => false)).toThrow('no such entry');
    expect(() => readZipEntry(Buffer.from('<html>not found</html>'), () => true)).toThrow('not a zip archive');
  });
});

/** The least that APPNOTE.TXT asks for; the local header carries an extra field that the directory does not. */
function zip(files: Record<string, string>, packing: 'stored' | 'deflated', comment: string): Buffer {
  const local: Buffer[] = [];
  const directory: Buffer[] = [];
  for (const [name, text] of Object.entries(files)) {
    const content = Buffer.from(text);
    const packed = packing === 'deflated' ? deflateRawSync(content) : content;
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(packing === 'deflated' ? 8 : 0, 4);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    common.copy(entry, 6);
    entry.writeUInt32LE(Buffer.concat(local).length, 42);
    directory.push(entry, Buffer.from(name));
    common.writeUInt16LE(4, 24);
    local.push(Buffer.from([0x50, 0x4b, 3, 4]), common, Buffer.from(name), Buffer.from([1, 2, 0, 0]), packed);
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(Buffer.concat(local).length, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...local, ...directory, end, Buffer.from(comment)]);
}
