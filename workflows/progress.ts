import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  defineQuery,
  isCancellation,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow';

import type { StepProgress, WorkflowProgress } from '../src/schema/progress.js';

export const progressQuery = defineQuery<WorkflowProgress>('progress');

/** What a workflow shows of itself: the answer of the query `progress`, and Markdown for the Web UI. */
export class RunProgress {
  readonly state: WorkflowProgress;
  /** The step that runs, or that ran last. */
  current = '';

  constructor(kind: WorkflowProgress['kind'], cluster: string) {
    this.state = { kind, cluster, steps: [], approvals: [] };
    setHandler(progressQuery, () => this.state, {
      description: 'Which steps are done, what runs, and which gate waits for whom.',
    });
  }

  /** Runs one step and shows it. `summarize` makes one line of its result. */
  async step<T>(name: string, run: () => Promise<T>, summarize: (result: T) => string = () => ''): Promise<T> {
    this.current = name;
    const shown: StepProgress = { step: name, state: 'running', startedAt: new Date().toISOString() };
    this.state.steps.push(shown);
    this.show();
    try {
      const result = await run();
      shown.state = 'done';
      shown.summary = summarize(result);
      return result;
    } catch (error) {
      shown.state = 'failed';
      shown.summary = firstLine(error);
      throw error;
    } finally {
      shown.finishedAt = new Date().toISOString();
      this.show();
    }
  }

  /** Says something of the step that runs. */
  note(text: string): void {
    const step = this.state.steps.at(-1);
    if (step !== undefined) step.summary = text;
    this.show();
  }

  /** Renders the current details. */
  show(): void {
    const marks = { pending: '·', running: '▶', done: '✔', failed: '✘', skipped: '–' };
    const lines = this.state.steps.map(
      ({ step, state, summary }) => `- ${marks[state]} **${step}**${summary ? ` — ${summary}` : ''}`,
    );
    const { waiting, verdict } = this.state;
    if (waiting !== undefined) {
      lines.push(
        '',
        `**Waiting for a human at gate \`${waiting.gate}\`** until ${waiting.until}. ${waiting.question}`,
        '',
        'Send signal `approve` (or `reject`) with this input:',
        '',
        '```',
        `{"gate": "${waiting.gate}",`,
        ' "by": "your name",',
        ' "reason": "why"}',
        '```',
      );
    }
    if (verdict !== undefined) lines.unshift(`**Verdict: ${verdict}**`, '');
    setCurrentDetails(lines.join('\n'));
  }
}

/** The failure that an activity raised, out of Temporal's wrapping. */
export function rootFailure(error: unknown): { type: string; message: string; details: unknown[] } {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) {
    return { type: cause.type ?? 'Error', message: cause.message, details: cause.details ?? [] };
  }
  return {
    type: cause instanceof Error ? cause.name : 'Error',
    message: cause instanceof Error ? cause.message : String(cause),
    details: [],
  };
}

/**
 * What ended a run that was cancelled. Its step may have ended otherwise, such as by a worker that died before it heard of the cancel;
 * the cancel is still the reason.
 */
export function asCancellation(error: Error): Error {
  if (isCancellation(error) || !CancellationScope.current().consideredCancelled) return error;
  return new CancelledFailure('cancelled', [], error);
}

function firstLine(error: unknown): string {
  return rootFailure(error).message.split('\n')[0] ?? '';
}
