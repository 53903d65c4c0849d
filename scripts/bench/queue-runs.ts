import type { Client, WorkflowHandle } from '@temporalio/client';

/** One of the runs that were queued. */
export interface Run {
  kind: 'backup' | 'drill';
  cluster: string;
  /** In the order in which Temporal took them in, from 0: requests that are sent at once overtake each other. */
  place: number;
  ending: string;
  /** When Temporal took it in, in seconds since 1970. */
  queuedAt: number;
  /** Seconds from when it was queued until its first step began, until its end, and until the end of the first of all. */
  waited: number;
  took: number;
  endedAt: number;
  /** Attempts beyond the first, of all its steps. */
  triedAgain: number;
  /** Of a drill: the clock of its evidence. */
  rtoSeconds?: number | undefined;
}

/** Queues that many runs at once, backups and drills by turns and the clusters in turn, and waits for all. */
export async function queueRuns(
  client: Client,
  request: { runs: number; clusters: readonly string[]; taskQueue: string; onEnd: (ended: number) => void },
): Promise<Run[]> {
  let ended = 0;
  const started = await Promise.all(
    Array.from({ length: request.runs }, async (_, index) => {
      const cluster = request.clusters[index % request.clusters.length] ?? '';
      // Each cluster gets backups and drills.
      const kind = Math.floor(index / request.clusters.length) % 2 === 0 ? ('drill' as const) : ('backup' as const);
      const handle = await client.workflow.start(kind, {
        workflowId: `bench-${String(index).padStart(4, '0')}-${kind}-${cluster}`,
        taskQueue: request.taskQueue,
        args: [{ cluster }],
      });
      return { cluster, kind, handle };
    }),
  );
  const runs = await Promise.all(
    started.map(async ({ handle, ...run }) => {
      const outcome = await endingOf(handle);
      ended += 1;
      request.onEnd(ended);
      return { ...run, ...outcome, ...(await timesOf(handle)) };
    }),
  );
  return runs.sort((a, b) => a.queuedAt - b.queuedAt).map((run, place) => ({ ...run, place }));
}

async function endingOf(handle: WorkflowHandle): Promise<{ ending: string; rtoSeconds?: number | undefined }> {
  try {
    const result = (await handle.result()) as { verdict?: string; rtoSeconds?: number };
    return { ending: result.verdict ?? 'done', rtoSeconds: result.rtoSeconds };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return { ending: `failed: ${cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause)}` };
  }
}

async function timesOf(
  handle: WorkflowHandle,
): Promise<Pick<Run, 'queuedAt' | 'waited' | 'took' | 'endedAt' | 'triedAgain'>> {
  const events = (await handle.fetchHistory()).events ?? [];
  const at = (event: (typeof events)[number] | undefined): number =>
    Number(event?.eventTime?.seconds ?? Number.NaN) + (event?.eventTime?.nanos ?? 0) / 1e9;
  const began = events.flatMap(({ activityTaskStartedEventAttributes: attributes }) => attributes ?? []);
  const first = events.find(({ activityTaskStartedEventAttributes: attributes }) => attributes);
  return {
    queuedAt: at(events[0]),
    waited: at(first) - at(events[0]),
    took: at(events.at(-1)) - at(events[0]),
    endedAt: at(events.at(-1)),
    triedAgain: began.reduce((sum, { attempt }) => sum + (attempt ?? 1) - 1, 0),
  };
}
