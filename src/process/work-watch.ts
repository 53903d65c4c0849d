import { readFileSync } from 'node:fs';

import type { WorkSamples } from '../schema/results.js';
import { treeOf } from './process-tree.js';

const lookEveryMs = 100;

/** What a look may see. The first of these that any process at work shows is what the look counts as. */
export type Doing = 'wal' | 'cpu' | 'disk' | 'other';

/**
 * Looks ten times a second at what the processes that do a phase's work are doing: by sampling, as one looks at a stack again and again.
 * Cheap (a file of /proc a process), and no privilege is needed. Linux only; elsewhere it sees nothing.
 */
export class WorkWatch {
  private readonly counts: Record<Doing, number> = { wal: 0, cpu: 0, disk: 0, other: 0 };
  private readonly timer: NodeJS.Timeout;

  /** @param look at one moment; undefined where nothing is at work just now, which is not counted. */
  constructor(look: () => Doing | undefined) {
    this.timer = setInterval(() => {
      const doing = look();
      if (doing !== undefined) this.counts[doing] += 1;
    }, lookEveryMs);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** @returns nothing where nothing was ever seen at work. */
  samples(): { samples?: WorkSamples } {
    const looks = Object.values(this.counts).reduce((total, count) => total + count, 0);
    if (looks === 0) return {};
    const share = (count: number): number => Math.round((count / looks) * 1_000) / 1_000;
    const { cpu, disk, wal, other } = this.counts;
    return { samples: { looks, cpu: share(cpu), disk: share(disk), wal: share(wal), other: share(other) } };
  }
}

/** Does a phase's work, and says what was seen of it; nothing where nothing was seen at work. */
export async function watchWork<T>(
  look: () => Doing | undefined,
  work: () => Promise<T>,
): Promise<{ result: T; samples?: WorkSamples }> {
  const watch = new WorkWatch(look);
  try {
    return { result: await work(), ...watch.samples() };
  } finally {
    watch.stop();
  }
}

/** What processes do, themselves and their descendants: the busiest of them counts. undefined where none lives. */
export function doingOf(pids: readonly number[]): Exclude<Doing, 'wal'> | undefined {
  const states = pids.flatMap(treeOf).map(stateOf);
  if (states.includes('R')) return 'cpu';
  if (states.includes('D')) return 'disk';
  return states.some((state) => state !== undefined && state !== 'Z') ? 'other' : undefined;
}

/** R: runs or waits for a processor; D: waits for a disk; S: sleeps (proc_pid_stat(5), field 3). */
function stateOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name may hold spaces and parentheses: the state comes after the last closing one.
    return stat[stat.lastIndexOf(')') + 2];
  } catch {
    return undefined;
  }
}
