import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

import { endGroup } from '../../src/process/kill-group.js';
import { isRunning } from '../../src/process/process-identity.js';
import { serverUser } from '../../src/process/server-user.js';
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

const loads: ChildProcess[] = [];

/** As much of a script as `clients` sessions can do, until `stopLoad`, in two minutes at the latest. */
export function startLoad(shop: ProtectedCluster, script: string, clients = 4, database = 'postgres'): void {
  const user = serverUser();
  const child = spawn(
    toolPath(shop.tools, 'pgbench'),
    ['-n', '-c', String(clients), '-T', '120', '-f', '-', '-h', shop.source.directory, '-U', 'postgres', database],
    {
      stdio: ['pipe', 'ignore', 'inherit'],
      env: { ...process.env, ...toolEnvironment(shop.tools) },
      ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
    },
  );
  child.stdin.end(script);
  loads.push(child);
}

/** Ends every load that this process has started. */
export async function stopLoad(): Promise<void> {
  for (const child of loads.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
}
