import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { runTool } from '../../src/process/run-tool.js';
import { toolsDoing, withToolsKnown } from '../../src/process/tools-at-work.js';
import { doingOf, watchWork, WorkWatch } from '../../src/process/work-watch.js';
import { serverDoing } from '../../src/restore/server-doing.js';
import { startTestCluster } from '../support/cluster.js';
import { eventually } from '../support/programs.js';
import { makeScratch, removeScratch } from '../support/scratch.js';

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

test('a server is seen at what its sessions do, and what a tool does beside it counts, too', async () => {
  const scratch = await makeScratch();
  const server = await startTestCluster(scratch);
  const client = await server.connect();
  const look = (): ReturnType<typeof serverDoing> => serverDoing({ dataDirectory: server.dataDirectory });
  const during = async (sql: string) => (await watchWork(look(), () => client.query(sql))).samples!;
  try {
    const busyFor = `do $$ begin while clock_timestamp() < now() + interval '2 s' loop end loop; end $$`;
    expect((await during(busyFor)).cpu).toBeGreaterThan(0.8);
    expect((await during('select pg_sleep(2)')).other).toBeGreaterThan(0.8);
    const { samples } = await withToolsKnown(() =>
      watchWork(look(), () => runTool({ file: '/bin/sh', args: ['-c', busy] })),
    );
    expect(samples!.cpu).toBeGreaterThan(0.8);
  } finally {
    await client.end();
    await server.stop('immediate');
    await removeScratch(scratch);
  }
  expect(look()()).toBeUndefined(); // it does not run any more
});
