import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { LocalStorage } from '../../src/repository/local-storage.js';
import {
  condense,
  forgetStreamRecord,
  readStreamRecord,
  StreamRecord,
  streamRecordKey,
  type StreamStep,
} from '../../src/repository/stream-record.js';

let directory: string;
let repository: { storage: LocalStorage };

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pgdrill-record-'));
  repository = { storage: new LocalStorage(directory) };
});
afterEach(() => rm(directory, { recursive: true }));

const at = (seconds: number): string => new Date(Date.UTC(2026, 10, 28, 12) + seconds * 1_000).toISOString();
const lsn = (bytes: number): string => `0/${bytes.toString(16).toUpperCase()}`;
type Look = [seconds: number, source: number, written: number | null];
async function told(...looks: Look[]): Promise<void> {
  const record = await StreamRecord.open(repository);
  for (const [seconds, source, written] of looks)
    await record.look({ at: at(seconds), sourceLsn: lsn(source), writtenLsn: written === null ? null : lsn(written) });
}
const steps = async (): Promise<[string, number][]> =>
  (await readStreamRecord(repository)).map((step) => [step.lsn, step.atMostSeconds]);

it('a stream that keeps up is behind by no more than the time between two looks', async () => {
  await told([0, 100, 100], [1, 200, 200], [2, 300, 300]);
  expect(await steps()).toEqual([
    [lsn(100), 0],
    [lsn(200), 1],
    [lsn(300), 1],
  ]);
});

it('an idle source loses nothing, however long', async () => {
  await told([0, 100, 100], [1, 100, 100], [3_600, 100, 100], [3_601, 200, 200]);
  expect(await steps()).toEqual([
    [lsn(100), 0],
    [lsn(200), 1],
  ]);
});

it('a stream that stands is behind from the last moment at which it had everything', async () => {
  await told([0, 100, 100], [60, 100, null], [61, 200, null], [90, 300, 100], [91, 400, 400], [92, 500, 500]);
  expect(await steps()).toEqual([
    [lsn(100), 0],
    [lsn(400), 31],
    [lsn(500), 1],
  ]);
});

it('one that catches up slowly is still behind', async () => {
  await told([0, 100, 100], [10, 200, 100], [20, 300, 100], [30, 400, 150], [31, 410, 200], [32, 420, 420]);
  expect(await steps()).toEqual([
    [lsn(100), 0],
    [lsn(150), 30], // behind 100, committed later than 0
    [lsn(200), 31], // 150 lies behind 100, too
    [lsn(420), 22], // what lies behind 200 was committed after 10
  ]);
});

it('a time without anybody who looked counts, and a line that a crash cut off does not', async () => {
  await told([0, 100, 100], [1, 200, 200]);
  await appendFile(join(directory, streamRecordKey), '{"lsn":"0/1');
  await told([50, 900, 800], [51, 900, 900]);
  expect(await steps()).toEqual([
    [lsn(100), 0],
    [lsn(200), 1],
    [lsn(800), 49],
    [lsn(900), 50],
  ]);
});

it('begins anew behind a gap', async () => {
  await told([0, 100, 100], [1, 200, 200]);
  await forgetStreamRecord(repository);
  await told([500, 900, 900]);
  expect(await steps()).toEqual([[lsn(900), 0]]);
});

it('is bounded: calm steps of an hour become one, and of too many the oldest, keeping the most of them', () => {
  const step = (seconds: number, atMostSeconds: number): StreamStep => ({
    ...{ at: at(seconds), asOf: at(seconds), lsn: lsn(seconds + 1), atMostSeconds },
  });
  const calm = Array.from({ length: 3_601 }, (_, seconds) => step(seconds, seconds % 4));
  expect(condense(calm)).toEqual([step(0, 0), { ...step(3_599, 3) }, step(3_600, 0)]);
  const late = condense([step(0, 0), step(1, 2), step(2, 60), step(3, 2), step(4, 1)]);
  expect(late.map(({ atMostSeconds }) => atMostSeconds)).toEqual([0, 2, 60, 2]);
  const restless = condense(Array.from({ length: 5_000 }, (_, index) => step(index, 6 + (index % 100))));
  expect(restless.length).toBeLessThanOrEqual(1_002);
  expect(restless[1]!.atMostSeconds).toBe(105);
});
