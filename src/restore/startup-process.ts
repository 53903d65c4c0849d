import { readFileSync } from 'node:fs';

import { treeOf } from '../process/process-tree.js';
import { type Doing, doingOf } from '../process/work-watch.js';

/**
 * The process of a server that replays WAL. It has a child only while a command of recovery runs (`restore_command`), and its title says
 * when it waits for a segment ("startup waiting for 000000010000000000000003"; update_process_title in the PostgreSQL manual).
 */
export class StartupProcess {
  private postmaster: number | undefined;
  private pid: number | undefined;

  /** @param postmaster the server's first process; undefined while it does not run. */
  of(postmaster: number | undefined): void {
    if (postmaster === this.postmaster) return;
    this.postmaster = postmaster;
    this.pid = undefined;
  }

  /** What it does at this moment; undefined where it does not run. */
  doing(): Doing | undefined {
    if (this.postmaster === undefined) return undefined;
    this.pid ??= childrenOf(this.postmaster).find((child) => titleOf(child).includes('startup'));
    if (this.pid === undefined) return undefined;
    const title = titleOf(this.pid);
    if (!title.includes('startup')) {
      this.pid = undefined;
      return undefined;
    }
    return title.includes('waiting for') || treeOf(this.pid).length > 1 ? 'wal' : doingOf([this.pid]);
  }
}

function childrenOf(pid: number): number[] {
  return treeOf(pid).slice(1);
}

function titleOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
