import { isStopped } from './process-tree.js';

const lookEveryMs = 1_000;

/** As long as a worker may be silent: long enough for somebody's short look with a debugger. */
const mostLooks = 15;

/**
 * Watches a process that may have been stopped (SIGSTOP, a debugger): its worker's heartbeats go on, so nobody else would ever notice.
 * Its children count, too (pg_basebackup has one that receives WAL). Linux only; elsewhere it sees nothing.
 *
 * @param find the process: its pid, or who knows it at the moment, for one that may be started anew.
 * @param onStopped called once, when it has been found stopped for a while without a break.
 * @returns ends the watch.
 */
export function watchStopped(
  find: number | undefined | (() => Promise<number | undefined>),
  onStopped: () => void,
): () => void {
  if (find === undefined) return () => undefined;
  let [looks, looking] = [0, false];
  const look = async (): Promise<void> => {
    const pid = typeof find === 'number' ? find : await find().catch(() => undefined);
    looks = pid !== undefined && isStopped(pid) ? looks + 1 : 0;
    if (looks !== mostLooks) return;
    clearInterval(timer);
    onStopped();
  };
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void look().finally(() => (looking = false));
  }, lookEveryMs);
  timer.unref();
  return () => clearInterval(timer);
}
