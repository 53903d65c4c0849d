import { setTimeout as sleep } from 'node:timers/promises';

import { codeOf } from '../errors.js';

/** Long enough for pg_basebackup to end its replication connection, short enough for a person who pressed cancel. */
const graceMs = 5_000;

/** Sends a signal to a whole process group. @returns false when the group is gone. */
export function signalGroup(groupId: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-groupId, signal);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
    throw error;
  }
}

/**
 * Ends a process group: SIGTERM (and SIGCONT, for stopped members), then SIGKILL after a grace. Children that hold our
 * pipe open die with the group, so that nothing waits for them.
 */
export async function endGroup(groupId: number): Promise<void> {
  if (!signalGroup(groupId, 'SIGTERM')) return;
  signalGroup(groupId, 'SIGCONT');
  for (let waited = 0; waited < graceMs; waited += 50) {
    await sleep(50);
    if (!signalGroup(groupId, 0)) return;
  }
  signalGroup(groupId, 'SIGKILL');
  // Dying takes a moment; whoever removes their files next should not race with them.
  for (let waited = 0; waited < 1_000 && signalGroup(groupId, 0); waited += 20) await sleep(20);
}
