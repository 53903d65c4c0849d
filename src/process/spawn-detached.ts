import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';

import { type ProcessIdentity, startTimeOf } from './process-identity.js';

/**
 * Starts a long-lived process of ours (not PostgreSQL: see instance.ts) in its own process group, with its output in a file.
 *
 * @returns who it is; it may end on its own any time.
 */
export async function spawnDetached(request: {
  file: string;
  args: readonly string[];
  logFile: string;
  env?: Readonly<Record<string, string | undefined>>;
}): Promise<ProcessIdentity> {
  const log = await open(request.logFile, 'a', 0o600);
  try {
    const child = spawn(request.file, request.args, {
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: { ...process.env, ...request.env },
    });
    await once(child, 'spawn');
    child.unref();
    const pid = child.pid ?? -1;
    return { pid, startTime: startTimeOf(pid) ?? 'gone' };
  } finally {
    await log.close();
  }
}
