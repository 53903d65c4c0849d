import { join } from 'node:path';

import { TargetError } from '../errors.js';
import { readTextFile, writeFileDurably } from '../files/durable.js';
import { stopInstance } from '../postgres/instance.js';
import { compareLsn } from '../postgres/lsn.js';
import type { ResolvedTarget, Sandbox } from '../schema/results.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { formatSettings } from './sandbox-settings.js';
import { sandboxConfig } from './sandbox.js';

/** Where recovery stops; which timeline it follows and that it pauses there stay as they are. */
const target = /^recovery_target(_time|_lsn|_name|_xid|_inclusive)? = .*\n/gm;

/**
 * Gives a sandbox that is paused at one target another one further on, and stops its server: started again, it replays on from where it stood.
 * Done already is fine.
 *
 * @throws TargetError where the other target lies before what was replayed, or on another timeline: replay goes one way.
 */
export async function moveTarget(
  tools: PostgresTools,
  { sandbox, reachedLsn, from, to }: { sandbox: Sandbox; reachedLsn: string; from: ResolvedTarget; to: ResolvedTarget },
): Promise<void> {
  const behind = to.lsn !== undefined && compareLsn(to.lsn, reachedLsn) < 0;
  if (behind || to.timeline !== from.timeline) {
    const where = behind
      ? `lies at ${to.lsn ?? ''}, before ${reachedLsn}, where the restored server stands`
      : `lies on timeline ${to.timeline}; the restored server follows ${from.timeline}`;
    throw new TargetError({
      what: `Target ${to.requested} ${where}.`,
      means: 'Replay only goes forward. The server is paused as it was.',
      todo: `That needs a new restore: reject here, and start again with --target ${to.requested}`,
    });
  }
  const path = join(sandboxConfig(sandbox), 'postgresql.conf');
  const text = await readTextFile(path);
  await writeFileDurably(path, `${text.replaceAll(target, '')}${formatSettings(to.settings)}`);
  await stopInstance(tools, sandbox.dataDirectory, 'fast');
}
