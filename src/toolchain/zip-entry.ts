import { inflateRawSync } from 'node:zlib';

const endOfDirectory = 0x06054b50;
const directoryEntry = 0x02014b50;
const stored = 0;
const deflated = 8;

/**
 * Takes one file out of a zip archive (a Python wheel is one). Enough for wheels whose SHA-256 is known beforehand: no
 * zip64, no encryption. Format: PKWARE APPNOTE.TXT, 4.3.
 *
 * @param matches given each entry's name; the first that it accepts is returned
 * @returns the entry's content.
 * @throws Error when the archive is not a zip file or has no such entry.
 */
export function readZipEntry(archive: Buffer, matches: (name: string) => boolean): Buffer {
  // The end record is 22 bytes plus a comment of at most 64 KB: look for it from the back.
  let end = archive.length - 22;
  while (end >= 0 && archive.readUInt32LE(end) !== endOfDirectory) end--;
  if (end < 0) throw new Error('not a zip archive: it has no central directory');
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    if (archive.readUInt32LE(at) !== directoryEntry) throw new Error('damaged zip archive: bad central directory');
    const nameLength = archive.readUInt16LE(at + 28);
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength);
    if (matches(name)) return contentOf(archive, at, name);
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  throw new Error('the zip archive has no such entry');
}

function contentOf(archive: Buffer, directoryAt: number, name: string): Buffer {
  const method = archive.readUInt16LE(directoryAt + 10);
  const packedBytes = archive.readUInt32LE(directoryAt + 20);
  const localAt = archive.readUInt32LE(directoryAt + 42);
  // The local header repeats name and extra field, the latter with a length of its own.
  const from = localAt + 30 + archive.readUInt16LE(localAt + 26) + archive.readUInt16LE(localAt + 28);
  const packed = archive.subarray(from, from + packedBytes);
  if (method === stored) return packed;
  if (method === deflated) return inflateRawSync(packed);
  throw new Error(`zip entry ${name} is packed by method ${method}, which pgdrill does not know`);
}
