import {
  ApplicationFailure,
  CancellationScope,
  continueAsNew,
  defineSignal,
  isCancellation,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';

import {
  type StopStream,
  stopStreamSchema,
  type StreamInput,
  streamInputSchema,
  type StreamResult,
} from '../src/schema/stream.js';
import { begin } from './begin.js';
import { parseInput } from './input.js';
import { rootFailure, RunProgress } from './progress.js';
import { steps } from './steps.js';

const stopSignal = defineSignal<[unknown]>('stop');

/** Receives the cluster's WAL until somebody stops it: for months, beginning anew twice a day. */
export async function streamWal(rawInput: unknown): Promise<StreamResult> {
  const {
    cluster,
    acceptGap,
    since = workflowInfo().startTime.toISOString(),
  } = parseInput(streamInputSchema, rawInput);
  const progress = new RunProgress('stream', cluster);
  const receiving = new CancellationScope();
  let stop: StopStream | undefined;
  setHandler(stopSignal, (raw) => {
    stop ??= stopStreamSchema.safeParse(raw ?? {}).data ?? {};
    receiving.cancel();
  });

  let failure: Error | undefined;
  let receivedLsn: string | undefined;
  try {
    await begin(progress);
    await progress.step(
      'replication slot',
      () => steps.prepareStream({ cluster, acceptGap }),
      ({ slot, created, fromLsn, warnings }) =>
        [`${slot}${created ? ' created' : ''}${fromLsn === undefined ? '' : `, from ${fromLsn}`}`, ...warnings].join(
          '. ',
        ),
    );
    await progress.step('receiving WAL', async () => {
      const stretch = await receiving.run(() => steps.receiveWal({ cluster }));
      ({ receivedLsn } = stretch);
    });
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
  }
  const cancelled = failure !== undefined && isCancellation(failure);
  if (failure === undefined && stop === undefined) {
    const next: StreamInput = { cluster, since };
    await continueAsNew<typeof streamWal>(next);
  }
  if (failure !== undefined && !cancelled && progress.current === 'replication slot') throw failed(failure);

  // A slot must not outlive its use: whoever stops or cancels a stream stops it for good, and behind a gap it keeps nothing of use.
  const gap = failure !== undefined && rootFailure(failure).type === 'RepositoryError';
  const dropSlot = stop?.dropSlot ?? (cancelled || gap);
  const ended = await CancellationScope.nonCancellable(() =>
    progress.step(
      'end of the stream',
      () => steps.endStream({ cluster, dropSlot }),
      ({ slot, dropped }) =>
        dropped ? `slot ${slot} dropped` : `slot ${slot} is kept: it holds WAL back on the source`,
    ),
  );
  if (failure !== undefined && !(cancelled && stop !== undefined)) throw cancelled ? failure : failed(failure);
  return {
    cluster,
    slot: ended.slot,
    slotDropped: ended.dropped,
    stoppedBy: stop?.by ?? '',
    ...(receivedLsn === undefined ? {} : { receivedLsn }),
  };
}

function failed(failure: Error): ApplicationFailure {
  return ApplicationFailure.create({ ...rootFailure(failure), nonRetryable: true });
}
