import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { parseTimelineHistory, readTimelineHistory, spansBetween } from '../../src/postgres/timeline.js';

const segment = 16 * 1024 * 1024;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp('/tmp/pgdt-');
  await writeFile(
    join(directory, '00000003.history'),
    '1\t0/A000198\tno recovery target specified\n\n# a comment\n2\t0/c0001b8\tbefore 2000-01-01 00:00:00+00\n',
  );
});
afterAll(() => rm(directory, { recursive: true }));

describe('the history of a timeline', () => {
  it('is its ancestors and where they were left, itself last', async () => {
    expect(await readTimelineHistory(directory, 3)).toEqual([
      { timeline: 1, endLsn: '0/A000198' },
      { timeline: 2, endLsn: '0/C0001B8' },
      { timeline: 3 },
    ]);
  });

  it('of the first needs no file; of another without its file is unknown', async () => {
    expect(await readTimelineHistory(directory, 1)).toEqual([{ timeline: 1 }]);
    expect(await readTimelineHistory(directory, 2)).toBeUndefined();
  });

  it('of nothing is empty', () => {
    expect(parseTimelineHistory('')).toEqual([]);
  });
});

describe('the WAL between two positions', () => {
  const history = [{ timeline: 1, endLsn: '0/A000198' }, { timeline: 2, endLsn: '0/C0001B8' }, { timeline: 3 }];

  it('is read from each timeline up to the segment in which it was left', () => {
    expect(spansBetween(history, '0/8000028', '0/F000000', segment)).toEqual([
      { timeline: 1, from: '0/8000028', to: '0/A000000' },
      { timeline: 2, from: '0/A000000', to: '0/C000000' },
      { timeline: 3, from: '0/C000000', to: '0/F000000' },
    ]);
  });

  it('begins and ends where it is told to', () => {
    expect(spansBetween(history, '0/A000100', '0/B000000', segment)).toEqual([
      { timeline: 2, from: '0/A000100', to: '0/B000000' },
    ]);
    expect(spansBetween([{ timeline: 1 }], '0/1', '0/2', segment)).toEqual([{ timeline: 1, from: '0/1', to: '0/2' }]);
    expect(spansBetween([{ timeline: 1 }], '0/2', '0/2', segment)).toEqual([]);
  });
});
