import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { pageChecksum } from '../../src/postgres/page.js';
import { mendVisibilityMaps } from '../../src/restore/mend-visibility-maps.js';

/**
 * Chains made by hand: what servers before 17.11 and 18.6 write after any UPDATE of an all-visible page, and places that a real server
 * would need gigabytes for.
 */
const blockSize = 8_192;
const [relation, map] = ['base/5/16384', 'base/5/16384_vm'];
const startLsn = '0/5000000';
let scratch: string;

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'pgdrill-mend-'));
});
afterEach(() => rm(scratch, { recursive: true }));

function heapPage({ visible = false, lsn = 0x4000000 } = {}): Buffer {
  const page = Buffer.alloc(blockSize, 0);
  page.writeUInt32LE(lsn, 4);
  page.writeUInt16LE(visible ? 4 : 0, 10);
  return page;
}

/** Two bits a heap page: 1 all-visible, 2 all-frozen. */
function mapPage(bits: readonly number[]): Buffer {
  const page = Buffer.alloc(blockSize);
  page.writeUInt32LE(0x3000000, 4);
  bits.forEach((each, block) => {
    const at = 24 + Math.floor(block / 4);
    page[at] = (page[at] ?? 0) | (each << ((block % 4) * 2));
  });
  return page;
}

const bitsOf = (page: Buffer, count: number): number[] =>
  Array.from({ length: count }, (_, block) => ((page[24 + Math.floor(block / 4)] ?? 0) >> ((block % 4) * 2)) & 3);

function incremental(blocks: ReadonlyMap<number, Buffer>, lengthBlocks: number): Buffer {
  const head = Buffer.alloc(blocks.size > 0 ? blockSize : 12);
  [0xd3ae1f0d, blocks.size, lengthBlocks, ...blocks.keys()].forEach((value, index) =>
    head.writeUInt32LE(value, index * 4),
  );
  return Buffer.concat([head, ...blocks.values()]);
}

async function directory(name: string, files: Record<string, Buffer>): Promise<string> {
  const path = join(scratch, name);
  for (const [file, content] of Object.entries(files)) {
    await mkdir(join(path, file, '..'), { recursive: true });
    await writeFile(join(path, file), content);
  }
  const listed = Object.entries(files).map(([Path, { length }]) => ({ Path, Size: length }));
  await writeFile(join(path, 'backup_manifest'), JSON.stringify({ Files: listed }));
  return path;
}

/** A table of some pages, of which the incremental holds some, and a map that it does not hold. */
async function chainOf(options: {
  bits: number[];
  heap: Buffer[];
  changed: number[];
  mapHeld?: boolean;
}): Promise<string[]> {
  const { bits, heap, changed } = options;
  const changedPages = new Map(changed.map((block) => [block, heap[block]!]));
  const marked = mapPage(bits);
  const heapWas = bits.map(() => heapPage({ visible: true }));
  return [
    await directory('full', { [relation]: Buffer.concat(heapWas), [map]: marked }),
    await directory('incremental', {
      'base/5/INCREMENTAL.16384': incremental(changedPages, heap.length),
      'base/5/INCREMENTAL.16384_vm': incremental(options.mapHeld === true ? new Map([[0, marked]]) : new Map(), 1),
    }),
    await directory('combined', { [relation]: Buffer.concat(heap), [map]: marked }),
  ];
}

async function mend(
  [full = '', last = '', combined = '']: string[],
  checksums = false,
): Promise<{
  mended: Awaited<ReturnType<typeof mendVisibilityMaps>>;
  page: Buffer;
}> {
  const { signal } = new AbortController();
  const request = { chain: [full, last], combined, startLsn, blockSize, segmentBlocks: 131_072, checksums, signal };
  const mended = await mendVisibilityMaps(request);
  return { mended, page: await readFile(join(combined, map)) };
}

const visible = (): Buffer => heapPage({ visible: true });

describe('a visibility map that is combined from a backup of before', () => {
  it('loses the bits of pages that changed since, and keeps those of all others', async () => {
    const heap = [visible(), heapPage(), visible(), heapPage()];
    const { mended, page } = await mend(await chainOf({ bits: [3, 3, 3, 1], heap, changed: [1, 3] }));
    expect(bitsOf(page, 4)).toEqual([3, 0, 3, 0]);
    expect(mended).toEqual([{ tablespace: 1663, database: 5, filenode: 16384, beyond: 0, within: 2 }]);
  });

  it('loses the bits beyond the end of a table that is shorter now', async () => {
    const { mended, page } = await mend(
      await chainOf({ bits: [3, 3, 3, 3, 3], heap: [visible(), visible()], changed: [] }),
    );
    expect(bitsOf(page, 5)).toEqual([3, 3, 0, 0, 0]);
    expect(mended).toMatchObject([{ beyond: 3, within: 0 }]);
  });

  it('gets a new checksum, where there are checksums', async () => {
    const chain = await chainOf({ bits: [3, 3], heap: [visible(), heapPage()], changed: [1] });
    const { page } = await mend(chain, true);
    expect(page.readUInt16LE(8)).toBe(pageChecksum(page, 0));
    expect(page.readUInt16LE(8)).not.toBe(0);
  });

  it('is mended, but not called wrong, where the page changed while the backup was taken: replay would have seen to it', async () => {
    const heap = [visible(), heapPage({ lsn: 0x5000001 })];
    const { mended, page } = await mend(await chainOf({ bits: [3, 3], heap, changed: [1] }));
    expect(bitsOf(page, 2)).toEqual([3, 0]);
    expect(mended).toEqual([]);
  });

  it('loses only the all-frozen bit of a page that changed and still calls itself all-visible', async () => {
    const { mended, page } = await mend(await chainOf({ bits: [3, 3], heap: [visible(), visible()], changed: [1] }));
    expect(bitsOf(page, 2)).toEqual([3, 1]);
    expect(mended).toEqual([]);
  });

  it('is believed where the last backup brought it itself', async () => {
    const chain = await chainOf({ bits: [3, 3], heap: [visible(), heapPage()], changed: [1], mapHeld: true });
    const { mended, page } = await mend(chain);
    expect(bitsOf(page, 2)).toEqual([3, 3]);
    expect(mended).toEqual([]);
  });

  it('is the same after a second time', async () => {
    const chain = await chainOf({ bits: [3, 3, 3], heap: [visible(), heapPage()], changed: [1] });
    const { page } = await mend(chain, true);
    expect(await mend(chain, true)).toEqual({ mended: [], page });
  });
});
