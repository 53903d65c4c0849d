import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { serverUser } from '../../src/process/server-user.js';
import { cacheDirectory } from '../../src/toolchain/cache-directory.js';
import { toolEnvironment, toolPath } from '../../src/toolchain/postgres.js';
import type { TestCluster } from '../support/cluster.js';
import { processesUnder } from '../support/leftovers.js';
import { eventually } from '../support/programs.js';
import { makeScratch, removeScratch } from '../support/scratch.js';
import { runGuide } from './guide.js';
import { writeProgram } from './old-tool.js';
import { startReadersCluster } from './readers-cluster.js';
import { certify, makeRepositoryHost, opensToAll, type RepositoryHost } from './two-hosts.js';

const openToAll = await opensToAll();
let scratch: string;
let source: TestCluster;
let host: RepositoryHost;

beforeAll(async () => {
  if (!openToAll) return;
  [scratch, host] = [await makeScratch(), await makeRepositoryHost()];
  source = await startReadersCluster(scratch);
  const tls = await certify(source.dataDirectory, host.sourceAddress, join(host.directory, 'source-ca.crt'));
  await source.restart({ ...tls, listen_addresses: host.sourceAddress });
});
afterAll(async () => {
  if (!openToAll) return;
  const pid = Number(await readFile(join(host.directory, 'dev.pid'), 'utf8').catch(() => '0'));
  if (pid > 0) process.kill(pid, 'SIGTERM');
  await eventually('the end of pgdrill dev', () => (processesUnder(host.directory).length === 0 ? true : undefined));
  await source.remove();
  await removeScratch(scratch);
  await host.remove();
});

test.skipIf(!openToAll)(
  'two-hosts (skipped where only root can read this checkout)',
  { timeout: 240_000 },
  async () => {
    const { directory, address, sourceAddress, through } = host;
    await writeProgram(join(host.brought, 'stop-source'), stopSource());
    const user = serverUser();
    const programs = {
      ...toolEnvironment(source.tools),
      PATH: `${join(toolPath(source.tools, 'psql'), '..')}:${process.env['PATH'] ?? ''}`,
    };
    const asPostgres =
      user === undefined ? [] : ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
    const ran = await runGuide('two-hosts', {
      directory,
      env: {
        PGDRILL_CONFIG: join(directory, 'pgdrill.yaml'),
        PGDRILL_STATE: join(directory, 'state'),
        PGDRILL_CACHE: cacheDirectory(),
        TEMPORAL_ADDRESS: '',
        PGHOST: source.directory,
        PGUSER: 'postgres',
        PGDATABASE: 'postgres',
      },
      stands: {
        'db1.example': sourceAddress,
        '192.0.2.7': address,
        '/var/lib/pgdrill/shop': join(directory, 'repository'),
        '/srv/recovered': join(directory, 'recovered'),
        '/etc/postgresql/17/main': source.dataDirectory,
        'cat shop.sql': `cat shop.sql && cp shop.sql ${host.brought}`,
        '--file shop.sql': `--file ${host.brought}/shop.sql`,
        'systemctl stop postgresql': join(host.brought, 'stop-source'),
        'pgdrill dev\n': dev,
      },
      through: {
        repository: through,
        source: [...asPostgres, 'env', ...Object.entries(programs).map(([name, value]) => `${name}=${value}`)],
      },
    });
    expect(ran).toBe(9);
  },
);

/** In the place of a person's terminal. */
const dev = `setsid pgdrill dev > dev.log 2>&1 & echo $! > dev.pid
  until grep -q 'Stop with Ctrl-C' dev.log; do kill -0 "$(cat dev.pid)" || break; sleep 0.1; done; cat dev.log
`;

/** In the place of systemd. */
function stopSource(): string {
  const variables = Object.entries(toolEnvironment(source.tools)).map(([name, value]) => `${name}='${value}' `);
  return `${variables.join('')}exec '${toolPath(source.tools, 'pg_ctl')}' stop -s -m fast -D '${source.dataDirectory}'`;
}
