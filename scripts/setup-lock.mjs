// One set-up of a checkout at a time. The same rules as src/toolchain/install-lock.ts, which cannot be used before the
// build: pid and start time name the holder, a dead holder's lock is taken over, a second process waits.
import { linkSync, mkdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const pollMs = 200;
const takeoverDeadMs = 10_000;

/**
 * @template T
 * @param {string} path of the lock file
 * @param {(line: string) => void} say
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withSetupLock(path, say, work) {
  let said = false;
  while (!tryAcquire(path)) {
    const holder = readHolder(path);
    if (holder === undefined) continue; // released this moment
    if (!isRunning(holder)) await takeOver(path);
    else {
      if (!said) say(`pgdrill: another process (pid ${holder.pid}) is setting this checkout up; waiting for it …`);
      said = true;
      await sleep(pollMs);
    }
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

/** Whether a process with this pid runs at all. */
export function pidIsAlive(pid) {
  return startTimeOf(pid) !== undefined;
}

/** A hard link appears at once with its content, or not at all. */
function tryAcquire(path) {
  const own = `${path}.${process.pid}`;
  writeFileSync(own, JSON.stringify({ pid: process.pid, startTime: startTimeOf(process.pid) }));
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

function readHolder(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    return error.code === 'ENOENT' ? undefined : { pid: 0, startTime: 'unreadable' };
  }
}

function isRunning({ pid, startTime }) {
  return startTimeOf(pid) === startTime;
}

/** Field 22 of /proc/<pid>/stat, counted from the last parenthesis; elsewhere what ps says. */
function startTimeOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    if (process.platform === 'linux') return undefined;
  }
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Of several processes that find the holder dead, one may remove its lock, and only after looking again. */
async function takeOver(path) {
  const claim = `${path}.takeover`;
  try {
    mkdirSync(claim);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    const since = statSync(claim, { throwIfNoEntry: false });
    if (since !== undefined && Date.now() - since.mtimeMs > takeoverDeadMs)
      rmSync(claim, { recursive: true, force: true });
    await sleep(pollMs);
    return;
  }
  const holder = readHolder(path);
  if (holder !== undefined && !isRunning(holder)) rmSync(path, { force: true });
  rmdirSync(claim);
}
