import { readFileSync } from 'node:fs';

const lookEveryMs = 1_000;

/** As long as a worker may be silent: long enough for somebody's short look with a debugger. */
const mostLooks = 15;

/**
 * Watches a process that may have been stopped (SIGSTOP, a debugger): its worker's heartbeats go on, so nobody else would ever notice.
 * Linux only; elsewhere it sees nothing.
 *
 * @param onStopped called once, when it has been found stopped for a while without a break.
 * @returns ends the watch.
 */
export function watchStopped(pid: number | undefined, onStopped: () => void): () => void {
  if (pid === undefined) return () => undefined;
  let looks = 0;
  const timer = setInterval(() => {
    looks = isStopped(pid) ? looks + 1 : 0;
    if (looks < mostLooks) return;
    clearInterval(timer);
    onStopped();
  }, lookEveryMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Whether it, or a child of it (pg_basebackup has one that receives WAL), is stopped. */
function isStopped(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    if (/^[Tt]/.test(stat.slice(stat.lastIndexOf(')') + 2))) return true;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return children !== '' && children.split(' ').some((child) => isStopped(Number(child)));
  } catch {
    return false; // it has ended, or there is no /proc
  }
}
