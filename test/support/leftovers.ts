import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { exists } from '../../src/files/durable.js';
import { sandboxLayout } from '../../src/restore/sandbox.js';
import type { ProtectedCluster } from './protected-cluster.js';

export interface RunningProcess {
  pid: number;
  command: string;
}

/** Every process that works below a directory or names it in its arguments, this one aside. */
export function processesUnder(directory: string): RunningProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        const cwd = readlinkSync(`/proc/${name}/cwd`);
        return command !== '' && (command.includes(directory) || cwd.startsWith(directory))
          ? [{ pid: Number(name), command }]
          : [];
      } catch {
        return []; // it has just ended
      }
    });
}

/** What drills and backups of a cluster left behind that they should not have: empty when all is clean. */
export async function leftovers(shop: ProtectedCluster, drillIds: readonly string[] = []): Promise<string[]> {
  const { repository, sandboxDirectory } = shop.patient;
  const found = (await readdir(sandboxDirectory)).map((name) => `sandbox ${name}`);
  for (const id of drillIds) {
    const { socketDirectory } = sandboxLayout(id, sandboxDirectory);
    if (await exists(socketDirectory)) found.push(`socket directory ${socketDirectory}`);
  }
  for (const entry of await readdir(repository, { withFileTypes: true, recursive: true })) {
    // `wal` is the server's to write: basic_archive copies to temporary names of its own.
    if (entry.parentPath.startsWith(join(repository, 'wal'))) continue;
    if (/\.partial|\.lock(\.|$)/.test(entry.name)) found.push(join(entry.parentPath, entry.name));
  }
  for (const place of [join(repository, 'backups'), sandboxDirectory])
    found.push(...processesUnder(place).map(({ pid, command }) => `process ${pid}: ${command}`));
  return found;
}
