import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { readTextFile, writeFileDurably } from '../files/durable.js';
import type { Sandbox } from '../schema/results.js';
import { sandboxConfig, sandboxLog } from './sandbox.js';

// PostgreSQL source, xlogrecovery.c, RecoveryRequiresIntParameter: then a hot standby pauses, which looks like the target's pause.
const tooLow = /(max_\w+) = \d+ is a lower setting than on the primary server, where its value was (\d+)/g;

/**
 * Raises settings that the source raised behind the backup: WAL then says so, and recovery cannot go on with less.
 *
 * @returns whether anything was raised; the server has to be restarted then.
 */
export async function raiseSettings(sandbox: Sandbox): Promise<boolean> {
  const log = await readFile(sandboxLog(sandbox), 'utf8').catch(() => '');
  const path = join(sandboxConfig(sandbox), 'postgresql.conf');
  let text = await readTextFile(path);
  let raised = false;
  for (const [, name = '', wanted] of log.matchAll(tooLow)) {
    const now = [...text.matchAll(new RegExp(`^${name} = '(\\d+)'$`, 'gm'))].at(-1)?.[1];
    if (Number(now ?? 0) >= Number(wanted)) continue;
    text += `${name} = '${String(wanted)}'\n`;
    raised = true;
  }
  if (raised) await writeFileDurably(path, text);
  return raised;
}
