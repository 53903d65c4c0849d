import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { connect } from '../../src/postgres/connection.js';
import { runTool } from '../../src/process/run-tool.js';
import { toolEnvironment, toolPath } from '../../src/toolchain/postgres.js';
import type { TestCluster } from './cluster.js';

/** `pg_ctl promote`, and a checkpoint behind it: from then on the cluster is on its new timeline. */
export async function promoteStandby(cluster: TestCluster): Promise<void> {
  await runTool({
    file: toolPath(cluster.tools, 'pg_ctl'),
    args: ['promote', '-s', '-w', '-D', cluster.dataDirectory],
    env: toolEnvironment(cluster.tools),
  });
  const client = await connect(cluster.conninfo());
  await client.query('checkpoint');
  await client.end();
}

/** Leaves a cluster on a new timeline: what promoting a standby that has replayed everything does. */
export async function promoteInPlace(cluster: TestCluster): Promise<void> {
  await cluster.stop('fast');
  const signalFile = join(cluster.dataDirectory, 'standby.signal');
  await writeFile(signalFile, '');
  await chmod(signalFile, 0o666); // the server's user removes it
  await cluster.start();
  await promoteStandby(cluster);
}
