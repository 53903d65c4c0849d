import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { runTool } from '../../src/process/run-tool.js';
import { toolsDoing, withToolsKnown } from '../../src/process/tools-at-work.js';
import { doingOf, WorkWatch } from '../../src/process/work-watch.js';
import { eventually } from '../support/programs.js';

const busy = 'end=$(($(date +%s) + 2)); while [ $(date +%s) -lt $end ]; do :; done';

/** Watches a tool of this kind from its begin to its end. */
async function watched(script: string): Promise<ReturnType<WorkWatch['samples']>['samples']> {
  return await withToolsKnown(async () => {
    const watch = new WorkWatch(toolsDoing());
    await sleep(300); // nothing runs yet: that is not counted
    await runTool({ file: '/bin/sh', args: ['-c', script] });
    watch.stop();
    return watch.samples().samples;
  });
}

test('a tool that computes is seen on the CPU, one that sleeps is not', async () => {
  const [computing, sleeping] = await Promise.all([watched(busy), watched('sleep 2')]);
  expect(computing!.cpu).toBeGreaterThan(0.8);
  expect(sleeping!.other).toBeGreaterThan(0.8);
  for (const { looks } of [computing!, sleeping!]) {
    expect(looks).toBeGreaterThan(5);
    expect(looks).toBeLessThan(60);
  }
});

test('tools of one step are not taken for those of another, and without any nothing is seen', async () => {
  const idle = withToolsKnown(async () => {
    const watch = new WorkWatch(toolsDoing());
    await sleep(1_000);
    watch.stop();
    return watch.samples();
  });
  const [nothing] = await Promise.all([idle, runTool({ file: '/bin/sh', args: ['-c', 'sleep 1'] })]);
  expect(nothing).toEqual({});
});

test('a process that has ended, reaped or not, does nothing', async () => {
  const child = spawn('/bin/sleep', ['30']);
  const { pid } = child;
  await eventually('it to sleep', () => Promise.resolve(doingOf([pid!]) === 'other' ? true : undefined));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  expect(doingOf([pid!])).toBeUndefined();
  expect(doingOf([])).toBeUndefined();
});
