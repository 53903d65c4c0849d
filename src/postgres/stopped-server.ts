import { setTimeout as sleep } from 'node:timers/promises';

import { isRunning, type ProcessIdentity, startTimeOf } from '../process/process-identity.js';
import { isStopped, signalProcess, treeOf } from '../process/process-tree.js';

/** A postmaster that is told to stop at once kills those that do not obey after five seconds (postmaster.c, SIGKILL_CHILDREN_AFTER_SECS). */
const graceMs = 8_000;

/** Lets a server go on whose processes were stopped (SIGSTOP): else it cannot even be told to end. */
export function continueServer(postmaster: number): void {
  if (isStopped(postmaster)) for (const pid of treeOf(postmaster)) signalProcess(pid, 'SIGCONT');
}

/**
 * Ends a server that stands still, as a crash would: it is told to stop at once and let go on; what is left after a grace is killed.
 * Each of its processes leads a group of its own, so they are found as its children.
 */
export async function endStoppedServer(postmaster: number): Promise<void> {
  const all = treeOf(postmaster).flatMap((pid): ProcessIdentity[] => {
    const startTime = startTimeOf(pid);
    return startTime === undefined ? [] : [{ pid, startTime }];
  });
  signalProcess(postmaster, 'SIGQUIT');
  continueServer(postmaster);
  for (let waited = 0; waited < graceMs && all.some(isRunning); waited += 50) await sleep(50);
  for (const each of all.filter(isRunning)) signalProcess(each.pid, 'SIGKILL');
  // Dying takes a moment; whoever starts a server there next should not race with them.
  for (let waited = 0; waited < 1_000 && all.some(isRunning); waited += 20) await sleep(20);
}
