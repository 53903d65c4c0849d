import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { processesUnder } from './leftovers.js';
import { eventually } from './programs.js';
import type { ProtectedCluster } from './protected-cluster.js';

/** Kills the source's postmaster and leaves the machine as a reboot would: no process, no lock that a living one could hold. */
export async function crashSource(shop: ProtectedCluster): Promise<void> {
  const { dataDirectory, directory } = shop.source;
  const lock = join(dataDirectory, 'postmaster.pid');
  process.kill(Number.parseInt(readFileSync(lock, 'utf8'), 10), 'SIGKILL');
  await eventually('the dead server’s children to end', () =>
    processesUnder(dataDirectory).length === 0 ? true : undefined,
  );
  // Where nobody reaps the dead, a zombie would count as the holder.
  await rm(lock, { force: true });
  await rm(join(directory, '.s.PGSQL.5432.lock'), { force: true });
}
