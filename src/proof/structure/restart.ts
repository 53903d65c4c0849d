import { readControlData } from '../../postgres/controldata.js';
import { stopInstance } from '../../postgres/instance.js';
import { type PageChecksums, verifyPageChecksums } from '../../postgres/page-checksums.js';
import type { StepContext } from '../../process/step-context.js';
import { runSandbox } from '../../restore/open.js';
import { combineLock, readSandboxRecord, sandboxConninfo } from '../../restore/sandbox.js';
import type { Check, Sandbox } from '../../schema/results.js';
import type { PostgresTools } from '../../toolchain/postgres.js';
import { attempt } from '../attempt.js';
import { checkControlData } from './control-data.js';
import { judgePageChecksums } from './page-checksums.js';

/**
 * Stops a promoted sandbox cleanly, checks what only shows on a cluster that is shut down, and starts it again: its control file, and
 * the checksums of all pages. (Between combining and replay the checksums would cry wolf: pages that the backup caught half-written
 * are mended by the WAL.) Both before anything rewrites pages, VACUUM above all: PostgreSQL zeroes a damaged page of a visibility map
 * when it reads it, and says nothing once it is written back.
 *
 * @returns the checks, and what does not apply to this cluster.
 * @throws SandboxError when the server does not start again.
 */
export async function checkShutDown(
  tools: PostgresTools,
  sandbox: Sandbox,
  context: StepContext,
): Promise<{ checks: Check[]; notCompared: string[] }> {
  const { signal } = context;
  const { dataDirectory } = sandbox;
  const checks: Check[] = [];
  context.progress({ doing: 'stopping the sandbox cleanly' });
  await stopInstance(tools, dataDirectory, 'fast');
  const expected = (await readSandboxRecord(sandbox.directory))?.expected;
  const control = await readControlData(tools, dataDirectory, signal);
  checks.push(
    await attempt('control data', signal, async () => {
      if (expected === undefined) throw new Error("the sandbox's record does not say what to expect");
      return await checkControlData(dataDirectory, control, expected);
    }),
  );
  // Whether there should be any is the source's to say; a control file that denies it has failed above.
  const withChecksums = expected?.dataChecksums ?? control.dataChecksums;
  let verified: PageChecksums | undefined;
  const startedAt = performance.now();
  const problem = await attempt('page checksums', signal, async () => {
    if (withChecksums) verified = await verifyPageChecksums(tools, dataDirectory, combineLock(sandbox), context);
    return undefined;
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  context.progress({ doing: 'starting the sandbox again' });
  await runSandbox(tools, sandbox, context);
  if (problem !== undefined) checks.push(problem);
  if (verified !== undefined)
    checks.push(await judgePageChecksums(verified, seconds, sandboxConninfo(sandbox), signal));
  return { checks, notCompared: withChecksums ? [] : ['page checksums: the source has none'] };
}
