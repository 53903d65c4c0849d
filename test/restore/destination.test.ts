import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { DiskFullError } from '../../src/errors.js';
import { freeBytes } from '../../src/files/room.js';
import { refuseDestination } from '../../src/restore/destination.js';
import { makeScratch, removeScratch } from '../support/scratch.js';

let scratch: string;

beforeAll(async () => {
  scratch = await makeScratch();
});
afterAll(() => removeScratch(scratch));

test('a destination is refused where it is a file, holds something, or has too little room; and nothing is made', async () => {
  const file = join(scratch, 'file');
  await writeFile(file, '');
  await expect(refuseDestination(file, 1, false)).rejects.toThrow(/file is not a directory/);
  await expect(refuseDestination(join(file, 'below'), 1, false)).rejects.toThrow(/is not a directory/);
  const used = join(scratch, 'used');
  await mkdir(used);
  await expect(refuseDestination(used, 1, false)).resolves.toBeUndefined();
  await writeFile(join(used, 'precious'), '');
  await expect(refuseDestination(used, 1, false)).rejects.toThrow(/used is not empty \(it holds precious\)/);
  await mkdir(join(scratch, 'new-tablespaces'));
  await writeFile(join(scratch, 'new-tablespaces', 'precious'), '');
  const into = join(scratch, 'new');
  await expect(refuseDestination(into, 1, false)).resolves.toBeUndefined();
  await expect(refuseDestination(into, 1, true)).rejects.toThrow(/new-tablespaces is not empty/);

  const free = (await freeBytes(scratch))!;
  const tooMuch = refuseDestination(join(scratch, 'a', 'b'), free * 2, false);
  await expect(tooMuch).rejects.toThrow(DiskFullError);
  await expect(tooMuch).rejects.toThrow(
    /The restored data directory takes .*, and the disk that holds .*b has .* left/,
  );
  expect((await readdir(scratch)).sort()).toEqual(['file', 'new-tablespaces', 'used']);
});

// Only root starts servers as somebody else.
test.runIf(process.getuid?.() === 0)(
  'a destination below a directory that PostgreSQL’s user cannot enter is refused',
  async () => {
    const closed = join(scratch, 'closed');
    await mkdir(closed);
    await chmod(closed, 0o700); // root's
    await expect(refuseDestination(join(closed, 'new', 'data'), 1, false)).rejects.toThrow(
      /operating-system user \w+, as whom PostgreSQL runs, cannot enter .*closed/,
    );
  },
);
