import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  defineQuery,
  isCancellation,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';

import type { ClusterSettings } from '../activities/load-settings.js';
import type { ChannelEvents } from '../src/schema/notification.js';
import type { StepProgress, WorkflowProgress } from '../src/schema/progress.js';
import { renderDetails } from './details.js';
import { ShownSearchAttributes } from './shown-search-attributes.js';

export const progressQuery = defineQuery<WorkflowProgress>('progress');

/** What a workflow shows of itself: the answer of the query `progress`, and Markdown for the Web UI. */
export class RunProgress {
  readonly state: WorkflowProgress;
  /** The step that runs, or that ran last. */
  current = '';
  /** Where the restore stops, once that is known. */
  target: string | undefined;
  /** Whom to tell of what, once the run's settings are known. */
  channels: readonly ChannelEvents[] = [];
  private search: ShownSearchAttributes | undefined;

  constructor(kind: WorkflowProgress['kind'], cluster: string) {
    this.state = { kind, cluster, steps: [], approvals: [] };
    setHandler(progressQuery, () => this.state, {
      description: 'Which steps are done, what runs, and which gate waits for whom.',
    });
  }

  /** From here on the run can be found by its search attributes, where Temporal knows them. */
  searchable({ searchable }: Pick<ClusterSettings, 'searchable'>): void {
    if (searchable !== true) return;
    const { kind, cluster } = this.state;
    this.search = new ShownSearchAttributes();
    this.search.show({ cluster, kind });
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
    setCurrentDetails(renderDetails(this.state, workflowInfo().workflowId));
    const { verdict, waiting } = this.state;
    this.search?.show({ phase: this.current, target: this.target, verdict, gate: waiting?.gate });
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
