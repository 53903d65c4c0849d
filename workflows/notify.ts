import { isCancellation, patched, workflowInfo } from '@temporalio/workflow';

import type { DrillResult, Evidence } from '../src/schema/evidence.js';
import { seconds } from '../src/schema/figures.js';
import type { ChannelEvents, Notification, NotificationEvent } from '../src/schema/notification.js';
import { shellWord } from '../src/schema/shell-word.js';
import { rootFailure, type RunProgress } from './progress.js';
import { StoppedAtGate } from './stopped-at-gate.js';
import { steps } from './steps.js';

/** What is told, without what every message has. */
type Message = Pick<Notification, 'severity' | 'title' | 'text' | 'command'> & { event: NotificationEvent };

/**
 * Tells the channels that take this event, side by side. It never fails a run: who could not be told is a sentence in the answer.
 *
 * @param channels as the run's settings have them. In the histories of earlier pgdrills there are none, so those runs tell nobody.
 */
export async function tell(channels: readonly ChannelEvents[], cluster: string, message: Message): Promise<string[]> {
  const taking = channels.filter(({ on }) => on.includes(message.event));
  if (taking.length === 0) return [];
  // A run that began before its pgdrill could tell goes on in silence, whatever its settings say.
  if (!patched('notifications')) return [];
  const { workflowId, runId } = workflowInfo();
  const at = new Date().toISOString();
  const notification: Notification = {
    ...message,
    id: `${workflowId}/${runId}/${message.event}/${at}`,
    cluster,
    workflowId,
    at,
  };
  const told = await Promise.all(
    taking.map(async ({ name }) => {
      try {
        await steps.notify({ channel: name, notification });
        return undefined;
      } catch (error) {
        return rootFailure(error).message.split('\n')[0];
      }
    }),
  );
  return told.filter((each) => each !== undefined);
}

/**
 * Tells of a drill's or a recovery's end: by its result, or where not even that could be recorded by what stopped it. Whoever cancels a run
 * or rejects at a gate knows it already. Who could not be told is named in the result's warnings.
 */
export async function tellOfEnd(
  progress: RunProgress,
  kind: Evidence['kind'],
  result: DrillResult | undefined,
  failure: Error | undefined,
): Promise<void> {
  const { cluster } = progress.state;
  if (failure !== undefined && (isCancellation(failure) || rejected(failure))) return;
  const messages = result === undefined ? [] : messagesOfEnd(kind, result);
  // A recovery has no verdict, and a drill's is missing where nothing could be recorded: then what stopped it is all there is.
  if (failure !== undefined && !messages.some(({ event }) => event === 'failed' || event === 'unproven'))
    messages.unshift(messageOfFailure(kind, cluster, failure));
  for (const message of messages) result?.warnings.push(...(await tell(progress.channels, cluster, message)));
}

function rejected(failure: Error): boolean {
  return failure instanceof StoppedAtGate && failure.approval.decision === 'rejected';
}

function messagesOfEnd(kind: Evidence['kind'], result: DrillResult): Message[] {
  const { cluster, verdict, reasons, objectives, id } = result;
  const command = `pgdrill report ${id}`;
  const text = reasons.join(' ');
  const messages: Message[] = [];
  if (kind === 'drill' && verdict === 'failed')
    messages.push({ event: 'failed', severity: 'critical', title: `${cluster}: the drill failed`, text, command });
  if (kind === 'drill' && verdict === 'unproven')
    messages.push({
      event: 'unproven',
      severity: 'warning',
      title: `${cluster}: the drill proved nothing`,
      text,
      command,
    });
  const missed = objectives.filter(({ status }) => status === 'missed');
  if (missed.length > 0) {
    const told = missed.map(
      ({ name, objective, actualSeconds }) =>
        `${name.toUpperCase()} ${seconds(actualSeconds ?? 0)}, objective ${objective ?? ''}`,
    );
    const which = missed.map(({ name }) => name.toUpperCase()).join(' and ');
    messages.push({
      event: 'objective_missed',
      severity: 'warning',
      title: `${cluster}: ${which} missed`,
      text: `${told.join('; ')}.`,
      command: `pgdrill objectives ${cluster}`,
    });
  }
  return messages;
}

/** What a run that failed for good is told as. */
export function messageOfFailure(kind: string, cluster: string, failure: Error): Message {
  const { message } = rootFailure(failure);
  const { workflowId } = workflowInfo();
  return {
    event: 'failed',
    severity: 'critical',
    title: `${cluster}: the ${kind} failed`,
    text: message.replaceAll(/\s*\n\s*/g, ' '),
    command: `pgdrill status ${shellWord(workflowId)}`,
  };
}

/** What a gate asks. */
export function messageOfGate(cluster: string, gate: string, until: string, question: string): Message {
  return {
    event: 'gate_waiting',
    severity: 'warning',
    title: `${cluster}: gate ${gate} waits for a person`,
    text: `${question} It waits until ${until}.`,
    command: `pgdrill approve ${shellWord(workflowInfo().workflowId)}`,
  };
}
