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
import { followTimeline } from './follow-timeline.js';
import { hopeless } from './hopeless.js';
import { type Stream, streamLock } from './stream.js';
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
        const end = error instanceof ToolError ? hopeless(stream, error.stderrTail) : undefined;
        if (end !== undefined) throw end;
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

/** The same cluster as ever, its slot, and a place to go on from. A standby that was promoted gets a slot. */
async function makeReady(stream: Stream, signal: AbortSignal): Promise<void> {
  await withConnection(
    stream.connection,
    async (client) => {
      const source = await readSource(client);
      await claimFor(stream.repository, source.systemIdentifier);
      await ensureSlot(client, stream, source.systemIdentifier);
      await followTimeline(stream, source, signal);
    },
    { signal },
  );
}
