import { Context } from '@temporalio/activity';

import { clusterOf } from '../src/configuration/cluster.js';
import { ConfigurationError } from '../src/errors.js';
import { withConnection } from '../src/postgres/connection.js';
import { readSource } from '../src/postgres/source.js';
import { openOrCreateRepository } from '../src/repository/repository.js';
import type { PreparedStream, StreamStretch } from '../src/schema/stream.js';
import { Alarms } from '../src/stream/alarms.js';
import { awaitSource } from '../src/stream/await-source.js';
import { prepareStream } from '../src/stream/prepare.js';
import { receiveWal } from '../src/stream/receive.js';
import { endStream } from '../src/stream/stop.js';
import type { Stream } from '../src/stream/stream.js';
import type { Dependencies } from './dependencies.js';
import { intoCatalog } from './into-catalog.js';
import { type Step, step } from './step.js';

/** Twice a day the workflow begins anew, so that its history stays short and a new configuration is read. */
const defaultStretchMs = 12 * 60 * 60_000;

/** How patient a stream is; tests have less time. */
export interface StreamPatience {
  stretchMs?: number;
  /** How long a stream may stand before that is an alarm. */
  alarmAfterMs?: number;
  /** How long it has to be well until an alarm is over. */
  calmMs?: number;
}

async function streamOf({ loaded }: Dependencies, name: string): Promise<Stream> {
  const cluster = clusterOf(loaded, name);
  const { wal } = cluster;
  if (wal.mode !== 'stream') {
    throw new ConfigurationError({
      what: `clusters.${name}.wal.mode is "${wal.mode}" in ${loaded.path}.`,
      means: 'WAL of this cluster is not streamed.',
      todo: 'Set it to stream first, and restart the worker.',
    });
  }
  return { ...cluster, wal, repository: await openOrCreateRepository(cluster) };
}

async function toolsOf({ toolsFor }: Dependencies, stream: Stream, signal: AbortSignal) {
  const source = await withConnection(stream.connection, readSource, { signal });
  return {
    tools: await toolsFor(Math.floor(source.serverVersionNumber / 10_000)),
    segmentSizeBytes: source.walSegmentSizeBytes,
  };
}

/** Stream: the replication slot, and everything that has to be refused. */
export const createPrepareStream = (
  dependencies: Dependencies,
): Step<{ cluster: string; acceptGap: boolean }, PreparedStream> =>
  step(async (input: { cluster: string; acceptGap: boolean }, context) => {
    const stream = await streamOf(dependencies, input.cluster);
    const { tools } = await toolsOf(dependencies, stream, context.signal);
    return await prepareStream(tools, stream, input.acceptGap, context);
  });

/** Stream: receive WAL, for half a day. What is found of it goes to the workflow, which tells people, and into the catalog. */
export const createReceiveWal = (
  dependencies: Dependencies,
  { stretchMs = defaultStretchMs, alarmAfterMs, calmMs }: StreamPatience = {},
): Step<{ cluster: string }, StreamStretch> =>
  step(async (input: { cluster: string }, context) => {
    const { client } = Context.current();
    const alarms = new Alarms(
      async ({ subject, at, figures, ...found }) => {
        const { kind } = found;
        await client.workflow.getHandle(context.workflowId, context.runId).signal('found', { subject, ...found });
        if (kind === 'ok') return;
        const operation = `${context.operation}/${context.attempt}/${kind}/${at}`;
        await intoCatalog(dependencies, context.signal, {
          events: [{ ...found, figures, cluster: input.cluster, at, operation }],
        });
      },
      calmMs === undefined ? {} : { calmMs },
    );
    const patience = { alarms, ...(alarmAfterMs === undefined ? {} : { alarmAfterMs }) };
    const stream = await streamOf(dependencies, input.cluster);
    const ready = await awaitSource(() => toolsOf(dependencies, stream, context.signal), patience, context);
    const { tools, segmentSizeBytes } = ready;
    return await receiveWal(tools, stream, { stretchMs, segmentSizeBytes, ...patience }, context);
  });

/** Stream: its end. */
export const createEndStream = (
  dependencies: Dependencies,
): Step<{ cluster: string; dropSlot: boolean }, { slot: string; dropped: boolean }> =>
  step(async (input: { cluster: string; dropSlot: boolean }, context) => {
    const stream = await streamOf(dependencies, input.cluster);
    return { slot: stream.wal.slot, dropped: await endStream(stream, input.dropSlot, context.signal) };
  });
