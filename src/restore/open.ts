import { setTimeout as sleep } from 'node:timers/promises';

import { SandboxError, UnreachableError } from '../errors.js';
import { exists, writeFileDurably } from '../files/durable.js';
import { withConnection } from '../postgres/connection.js';
import { instanceStatus, waitUntilReady } from '../postgres/instance.js';
import type { StepContext } from '../process/step-context.js';
import type { Sandbox } from '../schema/results.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { startSandbox } from './replay.js';
import { openedMark, sandboxConninfo, sandboxLog } from './sandbox.js';

/** Promotion writes an end-of-recovery record and checks files: seconds, unless the disk is in trouble. */
const promotionTimeoutMs = 10 * 60_000;

/**
 * Ends recovery at the target and waits until the server takes writes. Done already is fine.
 *
 * @returns the timeline that the server now writes.
 */
export async function openSandbox(
  tools: PostgresTools,
  sandbox: Sandbox,
  context: StepContext,
): Promise<{ timeline: number }> {
  if (!(await exists(openedMark(sandbox)))) await writeFileDurably(openedMark(sandbox), context.operation);
  // Not the wall clock: a host's may jump, and then nobody has waited.
  const deadline = performance.now() + promotionTimeoutMs;
  for (;;) {
    context.signal.throwIfAborted();
    context.progress({ doing: 'promoting' });
    await runSandbox(tools, sandbox, context);
    const timeline = await promote(sandbox, context.signal).catch((error: unknown) => {
      // A server that is just dying is looked at again; where it has died, it is started again.
      if (error instanceof UnreachableError) return undefined;
      throw error;
    });
    if (timeline !== undefined) return { timeline };
    if (performance.now() > deadline) {
      throw new SandboxError({
        what: `The restored server does not leave recovery (waited ${promotionTimeoutMs / 60_000} minutes).`,
        means: 'It replayed to the target, but does not take writes.',
        todo: `Look at its log ${sandboxLog(sandbox)}.`,
      });
    }
    await sleep(50);
  }
}

/**
 * Waits until a sandbox's server takes connections; where it does not run, it is started. One that ran when we came and has died since is
 * started, too: why it died, nobody knows, and it says nothing about what was restored.
 */
export async function runSandbox(
  tools: PostgresTools,
  sandbox: Sandbox,
  { signal }: Pick<StepContext, 'signal'>,
): Promise<void> {
  const running = (await instanceStatus(sandbox.dataDirectory)) !== undefined;
  if (!running) await startSandbox(tools, sandbox);
  const options = { logFile: sandboxLog(sandbox), timeoutMs: promotionTimeoutMs, signal };
  try {
    await waitUntilReady(sandbox.dataDirectory, options);
  } catch (error) {
    if (!running || (await instanceStatus(sandbox.dataDirectory)) !== undefined) throw error;
    await startSandbox(tools, sandbox);
    await waitUntilReady(sandbox.dataDirectory, options);
  }
}

/** @returns the timeline of a server that takes writes; undefined while it is still in recovery. */
async function promote(sandbox: Sandbox, signal: AbortSignal): Promise<number | undefined> {
  return await withConnection(
    sandboxConninfo(sandbox),
    async (client) => {
      const { rows } = await client.query<{ inRecovery: boolean; paused: boolean }>(
        `select pg_is_in_recovery() as "inRecovery",
                case when pg_is_in_recovery() then pg_get_wal_replay_pause_state() = 'paused' else false end as paused`,
      );
      if (rows[0]?.inRecovery === true) {
        // At a recovery target, resuming ends recovery (PostgreSQL manual, "recovery_target_action").
        if (rows[0].paused) await client.query(`select pg_wal_replay_resume()`);
        return undefined;
      }
      // The proof that it takes writes: an xid of its own, committed.
      await client.query(`select pg_current_xact_id()`);
      const timelines = await client.query<{ file: string }>(
        `select pg_walfile_name(pg_current_wal_insert_lsn()) as file`,
      );
      return Number.parseInt(timelines.rows[0]?.file.slice(0, 8) ?? '', 16);
    },
    { signal },
  );
}
