import { type WorkflowHandle, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';

import { signApproval } from '../approvals/sign.js';
import { UsageError } from '../errors.js';
import type { Waiting, WorkflowProgress } from '../schema/progress.js';
import type { AnswerableGate, DecisionInput, ExtendInput, RetargetInput } from '../schema/workflow-inputs.js';
import type { Temporal } from './temporal.js';
import { unknownRun } from './unknown-run.js';

export interface Answer {
  by: string;
  reason: string;
  /** By default the one that waits now. */
  gate?: AnswerableGate | undefined;
  /** The digest of what the person looked at. By default what is shown at this moment, where the gate does not demand that it be named. */
  seen?: string | undefined;
  /** The SSH key to sign an approval with. */
  sign?: string | undefined;
}

/** What came of an answer. */
export interface Decided {
  gate: AnswerableGate;
  /** What was answered on, as it was shown. */
  question: string;
  /** The workflow's own words. */
  answer: string;
}

/**
 * Approves or rejects at a gate of a running drill or recovery, by an update: the workflow answers at once.
 *
 * @throws UsageError when there is no such workflow, it has ended, no gate waits, or the answer does not count.
 */
export async function decide(
  { client }: Pick<Temporal, 'client'>,
  workflowId: string,
  decision: 'approve' | 'reject',
  { by, reason, gate: wanted, seen: looked, sign }: Answer,
): Promise<Decided> {
  const { handle, waiting, runId } = await waitingGate(client.workflow.getHandle(workflowId), wanted);
  const gate = wanted ?? waiting.gate;
  const seen = looked ?? (waiting.rule?.seen === true && sign === undefined ? undefined : waiting.seen);
  const input: DecisionInput = { gate, by, reason, ...(seen === undefined ? {} : { seen }) };
  if (sign !== undefined && decision === 'approve') {
    const statement = { workflowId, runId, gate, decision, seen: seen ?? '', by: by.trim(), reason };
    input.signature = await signApproval(sign, statement);
  }
  return { gate, question: waiting.question, answer: await update(handle, decision, input) };
}

/**
 * Lets a gate wait longer.
 *
 * @throws UsageError as `decide` does.
 */
export async function extend(
  { client }: Pick<Temporal, 'client'>,
  workflowId: string,
  { gate: wanted, by, reason, for: span }: Omit<ExtendInput, 'gate'> & { gate?: AnswerableGate | undefined },
): Promise<Decided> {
  const { handle, waiting } = await waitingGate(client.workflow.getHandle(workflowId), wanted);
  const gate = wanted ?? waiting.gate;
  return { gate, question: waiting.question, answer: await update(handle, 'extend', { gate, by, reason, for: span }) };
}

/**
 * Lets a restored server that is paused at gate `promote` replay on to a later target, without restoring again.
 *
 * @throws UsageError as `decide` does, and where the target lies before what was replayed.
 */
export async function retarget(
  { client }: Pick<Temporal, 'client'>,
  workflowId: string,
  { by, reason, target }: Omit<RetargetInput, 'gate'>,
): Promise<Decided> {
  const { handle, waiting } = await waitingGate(client.workflow.getHandle(workflowId), 'promote');
  const answer = await update(handle, 'retarget', { gate: 'promote', by, reason, target });
  return { gate: 'promote', question: waiting.question, answer };
}

async function update(handle: WorkflowHandle, name: string, input: object): Promise<string> {
  try {
    return await handle.executeUpdate<string, [object]>(name, { args: [input] });
  } catch (error) {
    if (!(error instanceof WorkflowUpdateFailedError)) throw error;
    throw new UsageError(
      {
        what: error.cause?.message ?? error.message,
        means: 'Nothing was decided.',
        todo: `See what it waits for: pgdrill status ${handle.workflowId}`,
      },
      { cause: error },
    );
  }
}

/** The gate that waits now, or the one that was asked for: what is wrong with that, the workflow says. */
async function waitingGate(
  handle: WorkflowHandle,
  wanted: AnswerableGate | undefined,
): Promise<{ handle: WorkflowHandle; waiting: Pick<Waiting, 'gate' | 'question' | 'seen' | 'rule'>; runId: string }> {
  const { workflowId } = handle;
  try {
    const { status, runId } = await handle.describe();
    if (status.name !== 'RUNNING') throw ended(workflowId, status.name);
    const { waiting } = await handle.query<WorkflowProgress>('progress');
    if (waiting !== undefined) return { handle, waiting, runId };
    if (wanted !== undefined) return { handle, waiting: { gate: wanted, question: '' }, runId };
    throw new UsageError({
      what: `${workflowId} does not wait for anyone now.`,
      means: 'There is nothing to decide yet.',
      todo: `Watch it: pgdrill status ${workflowId} --follow`,
    });
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    throw await unknownRun(handle.client, workflowId, 'Nothing was decided.', error);
  }
}

function ended(workflowId: string, status: string): UsageError {
  return new UsageError({
    what: `${workflowId} has ended (${status.toLowerCase()}).`,
    means: 'Its gates wait no longer.',
    todo: `See how it ended: pgdrill status ${workflowId}`,
  });
}
