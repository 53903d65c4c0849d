import { setTimeout as sleep } from 'node:timers/promises';

import { messageOf, RepositoryError, ToolError } from '../errors.js';
import { fixHost, withConnection } from '../postgres/connection.js';
import { runReceiveWal } from '../postgres/receivewal.js';
import { readSource } from '../postgres/source.js';
import type { StepContext } from '../process/step-context.js';
import { claimFor } from '../repository/repository.js';
import type { StreamStretch } from '../schema/stream.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { ensureSlot } from './ensure-slot.js';
import { gapError, type Stream, streamLock } from './stream.js';
import { StreamWatch, type WatchOptions } from './watch.js';

const [firstWaitMs, longestWaitMs] = [500, 10_000];

/** So that a network that swallows everything is noticed within a minute, not after the system's two hours. */
const keepalives = { keepalives_idle: '20', keepalives_interval: '10', keepalives_count: '3' };

/**
 * Receives WAL for a stretch of time, through every restart of the source and every death of pg_receivewal: it goes on where the archive
 * ends, and the slot keeps what was not received meanwhile. What time or a person can mend is tried again for as long as it takes, with an
 * alarm once it has lasted.
 *
 * @param options.stretchMs how long; then it returns, so that the workflow can begin anew with a short history.
 * @throws RepositoryError where the source has no longer what comes next: a gap. The signal's reason when cancelled.
 */
export async function receiveWal(
  tools: PostgresTools,
  stream: Stream,
  options: WatchOptions & { stretchMs: number },
  context: StepContext,
): Promise<StreamStretch> {
  const over = new AbortController();
  const isOver = (): boolean => over.signal.aborted;
  const timer = setTimeout(() => over.abort(), options.stretchMs);
  const signal = AbortSignal.any([context.signal, over.signal]);
  const watch = new StreamWatch(stream, options, { ...context, signal });
  let [starts, waitMs] = [0, firstWaitMs];
  try {
    while (!isOver()) {
      const startedAt = Date.now();
      try {
        const connection = await fixHost(stream.connection, signal);
        await makeReady({ ...stream, connection }, signal);
        starts += 1;
        watch.receiving();
        await runReceiveWal(
          tools,
          {
            connection: { ...keepalives, ...connection },
            directory: stream.walDirectory,
            slot: stream.wal.slot,
            synchronous: stream.wal.synchronous,
            lockPath: streamLock(stream),
          },
          { ...context, signal },
        );
        watch.down('pg_receivewal ended');
      } catch (error) {
        context.signal.throwIfAborted();
        if (isOver()) break;
        if (error instanceof RepositoryError) throw error;
        refuseHopeless(stream, error);
        watch.down(messageOf(error).split('\n')[0] ?? '');
      }
      waitMs = Date.now() - startedAt > 30_000 ? firstWaitMs : Math.min(waitMs * 2, longestWaitMs);
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      context.signal.throwIfAborted();
    }
  } finally {
    clearTimeout(timer);
    await watch.end();
  }
  return { starts, ...(watch.receivedLsn === undefined ? {} : { receivedLsn: watch.receivedLsn }) };
}

/** The same cluster as ever, and its slot. A standby that was promoted gets one. */
async function makeReady(stream: Stream, signal: AbortSignal): Promise<void> {
  await withConnection(
    stream.connection,
    async (client) => {
      const { systemIdentifier } = await readSource(client);
      await claimFor(stream.repository, systemIdentifier);
      await ensureSlot(client, stream, systemIdentifier);
    },
    { signal },
  );
}

/** What pg_receivewal says when nothing but a person helps. */
function refuseHopeless(stream: Stream, error: unknown): void {
  if (!(error instanceof ToolError)) return;
  const said = error.stderrTail;
  const removed = /requested WAL segment (\S+) has already been removed/.exec(said)?.[1];
  if (removed !== undefined)
    throw gapError(stream, `it needs WAL segment ${removed} next, which the source has no longer.`);
  if (/can no longer (get changes from|access) replication slot|replication slot ".*" was invalidated/.test(said))
    throw gapError(
      stream,
      `replication slot ${stream.wal.slot} is lost, the source has removed WAL that was not received.`,
    );
  const fork = /requested starting point (\S+) on timeline (\d+) is not in this server's history/.exec(said);
  if (fork === null) return;
  throw new RepositoryError({
    what: `The archive of ${stream.name} holds WAL of timeline ${fork[2] ?? ''} up to ${fork[1] ?? ''}, which the source’s present timeline does not come from: ${said.trim()}`,
    means:
      'A standby was promoted that had not received all of it. What the archive has beyond the fork belongs to transactions that the failover lost.',
    todo: `Keep the segments of timeline ${fork[2] ?? ''} behind the fork somewhere else than ${stream.walDirectory} (they hold those transactions), then: pgdrill stream start ${stream.name}`,
  });
}
