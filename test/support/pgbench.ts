import { join } from 'node:path';

import { endGroup } from '../../src/process/kill-group.js';
import { isRunning } from '../../src/process/process-identity.js';
import { spawnDetached } from '../../src/process/spawn-detached.js';
import { toolEnvironment, toolPath } from '../../src/toolchain/postgres.js';
import type { ProtectedCluster } from './protected-cluster.js';

/** A gentle, constant write load on pgbench's own tables, until it is stopped. */
export async function startPgbench(shop: ProtectedCluster): Promise<{ stop: () => Promise<void> }> {
  const load = await spawnDetached({
    file: toolPath(shop.tools, 'pgbench'),
    args: [
      '--no-vacuum',
      '--client=3',
      '--rate=60',
      '--time=600',
      '-h',
      shop.source.directory,
      '-U',
      'postgres',
      'postgres',
    ],
    logFile: join(shop.scratch, 'pgbench.log'),
    env: toolEnvironment(shop.tools),
  });
  return {
    stop: async () => {
      if (isRunning(load)) await endGroup(load.pid);
    },
  };
}
