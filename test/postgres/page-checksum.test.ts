import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { pageChecksum, withPageChecksum } from '../../src/postgres/page.js';
import { startTestCluster, type TestCluster } from '../support/cluster.js';
import { makeScratch, removeScratch } from '../support/scratch.js';

let scratch: string;
let cluster: TestCluster;

beforeAll(async () => {
  scratch = await makeScratch();
  cluster = await startTestCluster(scratch, { initdbArgs: ['--data-checksums'] });
});
afterAll(async () => {
  await cluster.remove();
  await removeScratch(scratch);
});

it('a page’s checksum is the one that the server wrote', async () => {
  const client = await cluster.connect();
  await client.query(`create table t as select i, md5(i::text) as text from generate_series(1, 5000) i; checkpoint`);
  const { rows } = await client.query<{ path: string }>(`select pg_relation_filepath('t') as path`);
  await client.end();
  await cluster.stop();
  const file = await readFile(join(cluster.dataDirectory, rows[0]!.path));
  // Pages that the file was lengthened by and that hold nothing yet have no checksum.
  const pages = Array.from({ length: file.length / 8192 }, (_, at) => file.subarray(at * 8192, (at + 1) * 8192)).filter(
    (page) => page.readUInt16LE(14) > 0,
  );
  expect(pages.length).toBeGreaterThan(20);
  expect(pages.map((page, block) => pageChecksum(page, block))).toEqual(pages.map((page) => page.readUInt16LE(8)));

  const broken = Buffer.from(pages[3]!);
  broken.writeUInt8(broken[8000]! ^ 1, 8000);
  expect(pageChecksum(broken, 3)).not.toBe(broken.readUInt16LE(8));
  const sealed = withPageChecksum(broken, 3);
  expect(pageChecksum(sealed, 3)).toBe(sealed.readUInt16LE(8));
});
