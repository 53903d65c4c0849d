import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  continueAsNew,
  defineSignal,
  isCancellation,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';

import {
  foundStreamSchema,
  type StopStream,
  stopStreamSchema,
  type StreamInput,
  streamInputSchema,
  type StreamResult,
} from '../src/schema/stream.js';
import { begin } from './begin.js';
import { parseInput } from './input.js';
import { messageOfFailure, tell } from './notify.js';
import { rootFailure, RunProgress } from './progress.js';
import { steps } from './steps.js';
import { StreamAlarms } from './stream-alarms.js';

const stopSignal = defineSignal<[unknown]>('stop');
const foundSignal = defineSignal<[unknown]>('found');

/** Receives the cluster's WAL until somebody stops it: for months, beginning anew twice a day. */
export async function streamWal(rawInput: unknown): Promise<StreamResult> {
  const input = parseInput(streamInputSchema, rawInput);
  const { cluster, acceptGap, since = workflowInfo().startTime.toISOString() } = input;
  const progress = new RunProgress('stream', cluster);
  const alarms = new StreamAlarms(progress, input.standing);
  const receiving = new CancellationScope();
  let stop: StopStream | undefined;
  setHandler(stopSignal, (raw) => {
    stop ??= stopStreamSchema.safeParse(raw ?? {}).data ?? {};
    receiving.cancel();
  });
  setHandler(foundSignal, (raw) => {
    const found = foundStreamSchema.safeParse(raw);
    if (found.success) alarms.found(found.data);
  });

  let failure: Error | undefined;
  let receivedLsn: string | undefined;
  try {
    await begin(progress);
    try {
      await progress.step(
        'replication slot',
        () => steps.prepareStream({ cluster, acceptGap }),
        ({ slot, created, fromLsn, warnings }) =>
          [`${slot}${created ? ' created' : ''}${fromLsn === undefined ? '' : `, from ${fromLsn}`}`, ...warnings].join(
            '. ',
          ),
      );
    } catch (error) {
      // A stream that has run before does not end of a source that is down just when it begins anew: the next step waits for it.
      if (input.since === undefined || !mayPass(error)) throw error;
    }
    await progress.step('receiving WAL', async () => {
      const stretch = await receiving.run(() => steps.receiveWal({ cluster }));
      ({ receivedLsn } = stretch);
    });
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
  }
  const cancelled = failure !== undefined && isCancellation(failure);
  if (failure === undefined && stop === undefined) {
    const next: StreamInput = { cluster, since, ...(await alarms.settled()) };
    await continueAsNew<typeof streamWal>(next);
  }
  if (failure !== undefined && !cancelled && progress.current === 'replication slot')
    throw await failed(progress, failure);

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
  await alarms.settled();
  if (failure !== undefined && !(cancelled && stop !== undefined))
    throw cancelled ? failure : await failed(progress, failure);
  return {
    cluster,
    slot: ended.slot,
    slotDropped: ended.dropped,
    stoppedBy: stop?.by ?? '',
    ...(receivedLsn === undefined ? {} : { receivedLsn }),
  };
}

/** Whether an activity gave up something that time may mend. */
function mayPass(error: unknown): boolean {
  return (
    error instanceof ActivityFailure && error.cause instanceof ApplicationFailure && error.cause.nonRetryable !== true
  );
}

async function failed(progress: RunProgress, failure: Error): Promise<ApplicationFailure> {
  const { cluster } = progress.state;
  await tell(progress.channels, cluster, messageOfFailure('WAL stream', cluster, failure));
  return ApplicationFailure.create({ ...rootFailure(failure), nonRetryable: true });
}
