import { clusterOf } from '../src/configuration/cluster.js';
import { ConfigurationError } from '../src/errors.js';
import { withConnection } from '../src/postgres/connection.js';
import { readSource } from '../src/postgres/source.js';
import { openOrCreateRepository } from '../src/repository/repository.js';
import type { PreparedStream, StreamStretch } from '../src/schema/stream.js';
import { prepareStream } from '../src/stream/prepare.js';
import { receiveWal } from '../src/stream/receive.js';
import { endStream } from '../src/stream/stop.js';
import type { Stream } from '../src/stream/stream.js';
import type { Dependencies } from './dependencies.js';
import { intoCatalog } from './into-catalog.js';
import { type Step, step } from './step.js';

/** Twice a day the workflow begins anew, so that its history stays short and a new configuration is read. */
const stretchMs = 12 * 60 * 60_000;

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

/** Stream: receive WAL, for half a day. */
export const createReceiveWal = (dependencies: Dependencies): Step<{ cluster: string }, StreamStretch> =>
  step(async (input: { cluster: string }, context) => {
    const stream = await streamOf(dependencies, input.cluster);
    const { tools, segmentSizeBytes } = await toolsOf(dependencies, stream, context.signal);
    return await receiveWal(
      tools,
      stream,
      {
        stretchMs,
        segmentSizeBytes,
        onAlarm: async ({ kind, at, ...alarm }) => {
          const operation = `${context.operation}/${context.attempt}/${kind}/${at}`;
          await intoCatalog(dependencies, context.signal, {
            events: [{ ...alarm, cluster: input.cluster, at, kind, operation }],
          });
        },
      },
      context,
    );
  });

/** Stream: its end. */
export const createEndStream = (
  dependencies: Dependencies,
): Step<{ cluster: string; dropSlot: boolean }, { slot: string; dropped: boolean }> =>
  step(async (input: { cluster: string; dropSlot: boolean }, context) => {
    const stream = await streamOf(dependencies, input.cluster);
    return { slot: stream.wal.slot, dropped: await endStream(stream, input.dropSlot, context.signal) };
  });
