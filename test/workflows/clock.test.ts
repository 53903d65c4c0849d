import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';

import { type Activities, createActivities } from '../../activities/index.js';
import { LocalStorage } from '../../src/repository/local-storage.js';
import { type Evidence, evidenceSchema } from '../../src/schema/evidence.js';
import type { DrillResult } from '../../src/schema/evidence.js';
import type { WorkflowProgress } from '../../src/schema/progress.js';
import type { PostgresTools } from '../../src/toolchain/postgres.js';
import { activitiesOf } from '../faults/history.js';
import { leftovers } from '../support/leftovers.js';
import { eventually } from '../support/programs.js';
import { type Runbook, startRunbook } from '../support/runbook.js';

const delayMs = 2_000;

/** Neighbours are in different runs: each phase is once slow beside others that are not. */
const runs = [
  ['plan', 'fetch', 'combine', 'open', 'human'],
  ['between', 'verify', 'replay', 'validate'],
] as const;
type Place = (typeof runs)[number][number];

let book: Runbook;
beforeAll(async () => {
  book = await startRunbook();
});
afterAll(() => book.close());
afterEach(async () => expect(await leftovers(book.shop)).toEqual([]));

test('a delay shows in the phase that it was in, and nowhere else', { timeout: 240_000 }, async () => {
  for (const delayed of runs) {
    const clock = await drillWith(delayed);
    for (const place of delayed) expect(clock[place], place).toBeGreaterThanOrEqual(delayMs / 1_000);
  }
});

/** Runs a drill with a delay in each of these places. @returns the seconds of every place, as its evidence has them. */
async function drillWith(delayed: readonly Place[]): Promise<Record<Place, number>> {
  const slowTools = await toolsWithDelay({
    pg_verifybackup: delayed.includes('verify'),
    pg_combinebackup: delayed.includes('combine'),
  });
  // Of the links of a chain, the first one is slow to come.
  let slowFetches = delayed.includes('fetch') ? 1 : 0;
  const storageFetch = LocalStorage.prototype.fetch; // eslint-disable-line @typescript-eslint/unbound-method -- called with its own `this`
  const spy = vi.spyOn(LocalStorage.prototype, 'fetch').mockImplementation(async function (this: LocalStorage, key) {
    if (slowFetches-- > 0) await sleep(delayMs);
    return await storageFetch.call(this, key);
  });
  const before =
    <Input, Output>(place: Place, run: (input: Input) => Promise<Output>) =>
    async (input: Input): Promise<Output> => {
      if (delayed.includes(place)) await sleep(delayMs);
      return await run(input);
    };
  const wrap = (real: Activities): Partial<Activities> => {
    const slow = createActivities({
      loaded: book.loaded,
      toolsFor: () => Promise.resolve(slowTools),
      catalogUrl: undefined,
    });
    return {
      planRestore: before('plan', real.planRestore),
      prepareRestore: before('between', slow.prepareRestore),
      replayWal: before('replay', real.replayWal),
      openSandbox: before('open', real.openSandbox),
      validateRestore: before('validate', real.validateRestore),
    };
  };
  const { clock, handle } = await book.withWorker({ wrap }, async () => {
    const running = await book.start('drill', { cluster: 'shop', target: 'latest', gates: ['promote'] });
    await eventually('the gate', async () => {
      const { waiting } = await running.query<WorkflowProgress>('progress');
      return waiting === undefined ? undefined : true;
    });
    if (delayed.includes('human')) await sleep(delayMs);
    await running.signal('approve', { gate: 'promote', by: 'the test' });
    const { evidencePath } = (await running.result()) as DrillResult;
    const evidence = evidenceSchema.parse(JSON.parse(await readFile(evidencePath!, 'utf8')));
    return { clock: evidence.clock, handle: running };
  });
  spy.mockRestore();
  await expectAsTemporalSays(handle, clock);
  const of = (name: string): number => clock.phases.find((phase) => phase.name === name)!.seconds;
  return {
    plan: of('plan'),
    fetch: of('fetch'),
    verify: of('verify'),
    combine: of('combine'),
    replay: of('replay'),
    open: of('open'),
    validate: of('validate'),
    between: clock.otherSeconds!,
    human: clock.waitedForHumansSeconds,
  };
}

/**
 * Temporal's own history is the independent measurement: when each step was scheduled, and when its answer came. No phase is longer than its
 * step, and all together are no longer than the whole: so a delay that each place has at least cannot be in another one, too, however slow
 * the machine is.
 */
async function expectAsTemporalSays(handle: WorkflowHandle, clock: Evidence['clock']): Promise<void> {
  const activities = await activitiesOf(handle);
  const step = (activity: string): { from: number; begun: number; to: number } => {
    const { scheduledAt: from, startedAt: begun, endedAt: to } = activities.find((each) => each.activity === activity)!;
    return { from, begun, to };
  };
  for (const [name, activity] of [
    ['plan', 'planRestore'],
    ['replay', 'replayWal'],
    ['open', 'openSandbox'],
    ['validate', 'validateRestore'],
  ] as const) {
    const { from, to } = step(activity);
    const phase = clock.phases.find((each) => each.name === name)!;
    expect(Date.parse(phase.startedAt!) / 1_000, name).toBeCloseTo(from, 1);
    expect(phase.seconds, name).toBeLessThanOrEqual(to - from + 0.01);
  }
  const preparing = step('prepareRestore');
  const prepared = clock.phases.filter(({ name }) => ['fetch', 'verify', 'combine'].includes(name));
  expect(sum(prepared.map(({ seconds }) => seconds))).toBeLessThanOrEqual(preparing.to - preparing.from);
  const restoring = clock.phases.filter(({ name }) => name !== 'validate');
  expect(sum(restoring.map(({ seconds }) => seconds)) + clock.otherSeconds!).toBeCloseTo(clock.rtoSeconds!, 6);
  const ordered = step('planRestore').from;
  const waited = clock.waitedForHumansSeconds;
  expect(clock.rtoSeconds).toBeLessThanOrEqual(step('openSandbox').to - ordered - waited + 0.01);
  expect(clock.rtoSeconds).toBeGreaterThanOrEqual(step('openSandbox').begun - ordered - waited - 0.01);
  expect(waited).toBeLessThanOrEqual(step('openSandbox').from - step('replayWal').to + 0.01);
  // Whoever sleeps is seen to do neither: the slow tool's looks are not blamed on CPU or disk.
  for (const { name, samples } of clock.phases)
    if (samples !== undefined)
      expect(sum([samples.cpu, samples.disk, samples.wal, samples.other]), name).toBeCloseTo(1, 1);
}

/** PostgreSQL's tools, of which some wait before they begin. */
async function toolsWithDelay(slow: Readonly<Record<string, boolean>>): Promise<PostgresTools> {
  const real = book.shop.tools;
  const directory = join(book.shop.scratch, `slow-${Object.values(slow).map(Number).join('')}`);
  await mkdir(directory, { mode: 0o755 });
  for (const name of await readdir(real.binDirectory)) {
    const path = join(directory, name);
    if (slow[name] !== true) {
      await symlink(join(real.binDirectory, name), path);
      continue;
    }
    await writeFile(path, `#!/bin/sh\nsleep ${delayMs / 1_000}\nexec '${join(real.binDirectory, name)}' "$@"\n`);
    await chmod(path, 0o755);
  }
  return { ...real, binDirectory: directory };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
