import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { processesUnder } from '../support/leftovers.js';
import { eventually } from '../support/programs.js';
import { makeScratch, removeScratch } from '../support/scratch.js';
import { startTestTemporal, type TestTemporal } from '../support/temporal.js';
import { runGuide } from './guide.js';
import { barman, type OldTool, type Place, pgBackRest, script, writeProgram, writeSudo } from './old-tool.js';
import { startReadersCluster } from './readers-cluster.js';

let temporal: TestTemporal;
beforeAll(async () => {
  temporal = await startTestTemporal();
});
afterAll(() => temporal.stop());

test.for<[string, OldTool, number]>([
  ['moving-from-cron', script, 6],
  ['moving-from-pgbackrest', pgBackRest, 13],
  ['moving-from-barman', barman, 12],
])('%s', { timeout: 300_000 }, async ([guide, tool, commands], { skip }) => {
  const missing = await tool.missing();
  if (missing !== undefined) skip(missing);
  const scratch = await makeScratch();
  const directory = join(scratch, 'guide');
  await mkdir(directory);
  const source = await startReadersCluster(scratch);
  const place: Place = { scratch, directory, source };
  try {
    await writeSudo(directory);
    await writeProgram(join(directory, 'restart-worker'), restartWorker);
    const stands = {
      ...(await tool.setUp(place)),
      '/run/postgresql': source.directory,
      '/var/lib/pgdrill/shop': join(scratch, 'repository'),
      '/etc/pgdrill': directory,
      '/usr/local/bin': directory,
      '/tmp/archive-get.try': join(scratch, 'archive-get.try'),
      'systemctl restart pgdrill-worker': 'restart-worker',
    };
    const env = {
      ...temporal.env,
      PGDRILL_CONFIG: join(directory, 'pgdrill.yaml'),
      PGDRILL_STATE: join(scratch, 'state'),
    };
    expect(await runGuide(guide, { directory, env, stands })).toBe(commands);
  } finally {
    await tool.end(place);
    await endWorker(directory);
    await source.remove();
    await eventually('the end of all', () => (processesUnder(scratch).length === 0 ? true : undefined));
    await removeScratch(scratch);
  }
});

/** In the place of systemd. */
const restartWorker = `cd "$(dirname "$0")"
if [ -e worker.pid ]; then kill "$(cat worker.pid)"; while kill -0 "$(cat worker.pid)" 2> /dev/null; do sleep 0.1; done; fi
setsid ./pgdrill worker > worker.log 2>&1 & echo $! > worker.pid
until grep -q 'polling task queue' worker.log; do kill -0 "$(cat worker.pid)" || { cat worker.log; exit 1; }; sleep 0.1; done`;

async function endWorker(directory: string): Promise<void> {
  const pid = Number(await readFile(join(directory, 'worker.pid'), 'utf8').catch(() => '0'));
  if (pid > 0) process.kill(pid, 'SIGTERM');
}
