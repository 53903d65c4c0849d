import { describe, expect, it } from 'vitest';

import { StorageError } from '../../src/errors.js';
import { ioError } from '../../src/files/durable.js';
import { attempt } from '../../src/proof/attempt.js';
import { refuseBadDisk } from '../../src/proof/bad-disk.js';
import type { Check } from '../../src/schema/results.js';

const check = (status: Check['status'], detail: string): Check => ({
  name: 'content',
  status,
  summary: '',
  figures: {},
  problems: [{ object: 'shop.public.orders', detail }],
  seconds: 0,
});
const unreadable = 'could not read blocks 0..0 in file "base/5/16384": Input/output error';
const sandbox = { dataDirectory: '/sandbox/data' };

describe('a check that met a bad disk', () => {
  it('has seen no damage: the file is named instead', () => {
    expect(() => refuseBadDisk([check('failed', `cannot be read when restored: ${unreadable}`)], sandbox)).toThrow(
      /^\/sandbox\/data\/base\/5\/16384 cannot be used: the disk has an I\/O error/,
    );
  });

  it.each([
    ['damage', check('failed', 'invalid page in block 0 of relation "base/5/16384"')],
    ['the source’s disk', check('unproven', `cannot be read on the source: ${unreadable}`)],
    ['the source’s disk beside damage', check('failed', `cannot be read on the source: ${unreadable}`)],
  ])('is told from %s', (_, found) => {
    expect(() => refuseBadDisk([found], sandbox)).not.toThrow();
  });

  it('ends the validation, where one that could not be made for another reason is unproven', async () => {
    const never = new AbortController().signal;
    const fail = (error: Error) => () => Promise.reject(error);
    await expect(attempt('x', never, fail(ioError('/f', 'EIO')))).rejects.toThrow(StorageError);
    expect(await attempt('x', never, fail(new Error('no library')))).toMatchObject({ status: 'unproven' });
  });
});
