import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readdir } from 'node:fs/promises';

import type { Conninfo } from '../../src/postgres/conninfo.js';
import { type Connection, connect } from '../../src/postgres/connection.js';
import { treeOf } from '../../src/process/process-tree.js';

/** How much there was of something at its most, and on average over all looks. */
export interface Measured {
  most: number;
  mean: number;
}

export interface Load {
  looks: number;
  /** The worker and the tools that it runs. */
  workerProcesses: Measured;
  /** Servers of sandboxes, and all their processes. */
  sandboxServers: Measured;
  sandboxProcesses: Measured;
  /** Directories of sandboxes. */
  sandboxes: Measured;
  /** Resident memory of the worker process alone, and of everything together (shared pages counted once), in MB. */
  workerMb: Measured;
  allMb: Measured;
  /** Sessions of pgdrill at the sources, all together, and at the one that had most. */
  sessions: Measured;
  sessionsAtOne: Measured;
}

/** Looks every second at what one worker has running. @returns ends it and tells. */
export function measureLoad(request: {
  workerPid: number;
  sandboxDirectory: string;
  sources: readonly Conninfo[];
}): () => Promise<Load> {
  const stop = new AbortController();
  const looking = look(request, stop.signal);
  return async () => {
    stop.abort();
    return await looking;
  };
}

async function look(
  {
    workerPid,
    sandboxDirectory,
    sources,
  }: { workerPid: number; sandboxDirectory: string; sources: readonly Conninfo[] },
  signal: AbortSignal,
): Promise<Load> {
  const seen = new Map<string, number[]>();
  const note = (name: string, value: number): void => void seen.set(name, [...(seen.get(name) ?? []), value]);
  const clients = await Promise.all(sources.map((source) => connect({ ...source, application_name: 'bench' })));
  try {
    while (!signal.aborted) {
      const worker = treeOf(workerPid);
      const servers = serversBelow(sandboxDirectory);
      const inSandboxes = servers.flatMap(treeOf);
      note('workerProcesses', worker.length);
      note('sandboxServers', servers.length);
      note('sandboxProcesses', inSandboxes.length);
      note('sandboxes', (await readdir(sandboxDirectory).catch(() => [])).length);
      note('workerMb', kilobytes(workerPid, 'Rss') / 1_024);
      note('allMb', [...worker, ...inSandboxes].reduce((sum, pid) => sum + kilobytes(pid, 'Pss'), 0) / 1_024);
      const sessions = await Promise.all(clients.map(sessionsOf));
      note(
        'sessions',
        sessions.reduce((sum, each) => sum + each, 0),
      );
      note('sessionsAtOne', Math.max(...sessions));
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
  const measured = (name: string): Measured => {
    const values = seen.get(name) ?? [0];
    return { most: Math.max(...values), mean: values.reduce((sum, value) => sum + value, 0) / values.length };
  };
  return {
    looks: seen.get('sandboxes')?.length ?? 0,
    workerProcesses: measured('workerProcesses'),
    sandboxServers: measured('sandboxServers'),
    sandboxProcesses: measured('sandboxProcesses'),
    sandboxes: measured('sandboxes'),
    workerMb: measured('workerMb'),
    allMb: measured('allMb'),
    sessions: measured('sessions'),
    sessionsAtOne: measured('sessionsAtOne'),
  };
}

/** The postmasters that work in data directories below a directory. */
function serversBelow(directory: string): number[] {
  const below = readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return readlinkSync(`/proc/${name}/cwd`).startsWith(directory) ? [Number(name)] : [];
    } catch {
      return []; // it has just ended
    }
  });
  const children = new Set(below.flatMap((pid) => treeOf(pid).slice(1)));
  return below.filter((pid) => !children.has(pid));
}

/** proc(5), smaps_rollup: resident pages; of `Pss`, those that several share count for each in part. 0 where it has ended. */
function kilobytes(pid: number, field: 'Rss' | 'Pss'): number {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

async function sessionsOf(client: Connection): Promise<number> {
  const { rows } = await client.query<{ sessions: number }>(
    `select count(*)::int as sessions from pg_stat_activity where usename = 'pgdrill'`,
  );
  return rows[0]?.sessions ?? 0;
}
