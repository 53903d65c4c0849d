import { readFileSync } from 'node:fs';

import { codeOf } from '../errors.js';

/** A process and all that descend from it, itself first. Linux only; elsewhere just the process. */
export function treeOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return [pid, ...(children === '' ? [] : children.split(' ').flatMap((child) => treeOf(Number(child))))];
  } catch {
    return [pid]; // it has ended, or there is no /proc
  }
}

/** Whether a process, or one that descends from it, is stopped (SIGSTOP, a debugger). Linux only; elsewhere it is never known. */
export function isStopped(pid: number): boolean {
  return treeOf(pid).some((each) => {
    try {
      const stat = readFileSync(`/proc/${each}/stat`, 'utf8');
      // The command name may hold spaces and parentheses: the state comes after the last closing one.
      return /^[Tt]/.test(stat.slice(stat.lastIndexOf(')') + 2));
    } catch {
      return false;
    }
  });
}

/** Signals a process; one that is gone is fine. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}
