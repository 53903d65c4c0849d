import { createHash } from 'node:crypto';
import { endianness } from 'node:os';

/** A file's checksum as a backup manifest has it. */
export interface Checksum {
  update: (bytes: Uint8Array) => void;
  /** Lower-case hexadecimal. */
  digest: () => string;
}

const hashes: Readonly<Record<string, string>> = {
  SHA224: 'sha224',
  SHA256: 'sha256',
  SHA384: 'sha384',
  SHA512: 'sha512',
};

/** @returns undefined for an algorithm that this pgdrill does not know (PostgreSQL manual, "Backup Manifest File Object"). */
export function createChecksum(algorithm: string): Checksum | undefined {
  const name = hashes[algorithm];
  if (name !== undefined) {
    const hash = createHash(name);
    return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') };
  }
  if (algorithm !== 'CRC32C') return undefined;
  let crc = 0xffffffff;
  return {
    update: (bytes) => {
      crc = crc32c(crc, bytes);
    },
    // The manifest has the bytes as they lie in memory (PostgreSQL source, checksum_helper.c, pg_checksum_final).
    digest: () => {
      const four = Buffer.alloc(4);
      if (endianness() === 'LE') four.writeUInt32LE(~crc >>> 0);
      else four.writeUInt32BE(~crc >>> 0);
      return four.toString('hex');
    },
  };
}

/** Castagnoli's polynomial, bits reversed (RFC 3720, appendix B.4). Eight bytes at a time ("slicing by 8"): one table for each of them. */
const tables = makeTables(0x82f63b78);

function makeTables(polynomial: number): Uint32Array[] {
  const first = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    first[byte] = value >>> 0;
  }
  const all = [first];
  for (let slice = 1; slice < 8; slice++) {
    const before = all[slice - 1] ?? first;
    all.push(before.map((value) => ((value >>> 8) ^ (first[value & 0xff] ?? 0)) >>> 0));
  }
  return all;
}

function crc32c(start: number, bytes: Uint8Array): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  const at = (table: Uint32Array, index: number): number => table[index & 0xff] ?? 0;
  let crc = start;
  let index = 0;
  for (const end = bytes.length - (bytes.length % 8); index < end; index += 8) {
    const low =
      crc ^
      ((bytes[index] ?? 0) |
        ((bytes[index + 1] ?? 0) << 8) |
        ((bytes[index + 2] ?? 0) << 16) |
        ((bytes[index + 3] ?? 0) << 24));
    crc =
      at(t7, low) ^
      at(t6, low >>> 8) ^
      at(t5, low >>> 16) ^
      at(t4, low >>> 24) ^
      at(t3, bytes[index + 4] ?? 0) ^
      at(t2, bytes[index + 5] ?? 0) ^
      at(t1, bytes[index + 6] ?? 0) ^
      at(t0, bytes[index + 7] ?? 0);
  }
  for (; index < bytes.length; index++) crc = (crc >>> 8) ^ at(t0, crc ^ (bytes[index] ?? 0));
  return crc >>> 0;
}
