import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';

import { writeFileDurably } from '../../src/files/durable.js';
import { serverUser } from '../../src/process/server-user.js';
import { toolEnvironment, toolPath } from '../../src/toolchain/postgres.js';
import type { TestCluster } from '../support/cluster.js';
import { processesUnder } from '../support/leftovers.js';
import { eventually } from '../support/programs.js';
import { makeScratch, removeScratch } from '../support/scratch.js';
import { runGuide } from './guide.js';
import { startReadersCluster } from './readers-cluster.js';

// One reader goes through these guides, one after the other: a server that nothing was done to, then what the first guide makes of it.
let scratch: string;
let directory: string;
let source: TestCluster;
let env: Record<string, string>;
let stands: Record<string, string>;

beforeAll(async () => {
  scratch = await makeScratch();
  directory = join(scratch, 'guide');
  await mkdir(directory);
  source = await startReadersCluster(scratch);
  stands = {
    '/run/postgresql': source.directory,
    '/var/lib/pgdrill/shop': join(scratch, 'repository'),
    '/usr/local/bin/page': '/bin/cat',
    '/home/ada/.ssh': directory,
    '/etc/pgdrill': directory,
    'systemctl restart postgresql': await restartProgram(),
    'pgdrill dev\n': dev,
  };
  await writeFileDurably(
    join(directory, 'further.yaml'),
    await furtherConfiguration('schedule-and-forget', 'team-approvals'),
  );
  env = {
    PGDRILL_CONFIG: join(directory, 'pgdrill.yaml'),
    PGDRILL_STATE: join(scratch, 'state'),
    TEMPORAL_ADDRESS: '',
  };
});
afterAll(async () => {
  const pid = Number(await readFile(join(directory, 'dev.pid'), 'utf8').catch(() => '0'));
  if (pid > 0) {
    process.kill(pid, 'SIGTERM');
    await eventually('the end of pgdrill dev', () => (isThere(pid) ? undefined : true));
  }
  await source.remove();
  const left = processesUnder(scratch);
  await removeScratch(scratch);
  expect(left).toEqual([]);
});

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const here = (text: string): string =>
  Object.entries(stands).reduce((all, [written, actual]) => all.replaceAll(written, actual), text);

/**
 * What the guides say to put into pgdrill.yaml behind what `pgdrill init` has put there. It is all put there before the worker starts, since
 * starting it once is enough.
 */
async function furtherConfiguration(...guides: string[]): Promise<string> {
  const shop: Record<string, unknown> = {};
  const top: Record<string, unknown> = {};
  for (const guide of guides) {
    const text = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'guides', `${guide}.md`), 'utf8');
    for (const [, block = ''] of text.matchAll(/^```yaml\n([^]*?)^```$/gm)) {
      const { clusters, ...others } = parse(here(block)) as { clusters: { shop: object } };
      Object.assign(shop, clusters.shop);
      Object.assign(top, others);
    }
  }
  return `${stringify(shop).replaceAll(/^/gm, '    ').trimEnd()}\n${stringify(top)}`;
}

/** In the place of a person's terminal. */
const dev = `cat further.yaml >> "$PGDRILL_CONFIG"
  setsid pgdrill dev > dev.log 2>&1 & echo $! > dev.pid
  until grep -q 'Stop with Ctrl-C' dev.log; do kill -0 "$(cat dev.pid)" || break; sleep 0.1; done; cat dev.log
`;

/** In the place of systemd: what `pg_ctl restart` does, as the user that the server runs as. */
async function restartProgram(): Promise<string> {
  const path = join(directory, 'restart');
  const user = serverUser();
  const as = user === undefined ? '' : `setpriv --reuid=${user.uid} --regid=${user.gid} --clear-groups `;
  const variables = Object.entries(toolEnvironment(source.tools)).map(([name, value]) => `${name}='${value}' `);
  const pgCtl = `'${toolPath(source.tools, 'pg_ctl')}' restart -s -m fast -D '${source.dataDirectory}' -l '${source.logFile}'`;
  await writeFileDurably(path, `#!/bin/sh\ncd /\n${variables.join('')}exec ${as}${pgCtl}\n`);
  return `sh '${path}'`;
}

test.each([
  ['first-drill', 6],
  ['schedule-and-forget', 9],
  ['team-approvals', 17],
  ['reading-the-report', 2],
  ['what-can-go-wrong', 3],
  ['security-model', 1],
])('%s', async (guide, commands) => {
  expect(await runGuide(guide, { directory, env, stands })).toBe(commands);
});
