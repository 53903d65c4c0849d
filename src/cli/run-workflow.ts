import type { WorkflowHandle } from '@temporalio/client';

import { readEnding } from '../client/failures.js';
import { startWorkflow, type WorkflowInputs } from '../client/start.js';
import type { LoadedConfiguration } from '../configuration/load.js';
import { type ExitCode, exitCodes } from '../errors.js';
import { withTemporal } from './context.js';
import { finishFailed, sayStarted } from './finish.js';
import { colors, print, printJson, say } from './terminal.js';
import { Detached, watchWorkflow } from './watch-workflow.js';

export interface Run<Kind extends keyof WorkflowInputs, Result> {
  kind: Kind;
  input: WorkflowInputs[Kind];
  /** The workflow id; a speakable one by default. */
  id?: string | undefined;
  /** Return as soon as it is started. */
  detach?: boolean | undefined;
  asJson: boolean;
  /** Its result as people read it. */
  render: (result: Result) => string;
  /** What a result means for whoever called; by default it is done. */
  exitCode?: (result: Result) => ExitCode;
  /** For a workflow that fails by what it found: the result that its failure carries. */
  found?: {
    in: (error: unknown) => Result | undefined;
    /** The type of the failure that says no more than the rendered result. */
    type: string;
  };
}

/**
 * Starts a workflow, follows it, and prints how it ended: its result, what it failed with, or how to come back.
 *
 * @returns the exit code.
 */
export async function runWorkflow<Kind extends keyof WorkflowInputs, Result extends object>(
  loaded: LoadedConfiguration,
  run: Run<Kind, Result>,
): Promise<ExitCode> {
  return await withTemporal(loaded, async (temporal) => {
    const { task_queue: taskQueue } = loaded.configuration.temporal;
    let id = run.id ?? '';
    const begin = async (): Promise<WorkflowHandle> => {
      const handle = await startWorkflow(temporal, run.kind, run.input, { taskQueue, id: run.id });
      id = handle.workflowId;
      await sayStarted(loaded, temporal, id);
      return handle;
    };
    if (run.detach === true) {
      await begin();
      if (run.asJson) printJson({ id, detached: true });
      return exitCodes.done;
    }
    try {
      const result = await watchWorkflow<Result>(begin);
      if (run.asJson) printJson({ id, ...result });
      else print(run.render(result));
      return run.exitCode?.(result) ?? exitCodes.done;
    } catch (error) {
      return finish(run, id, error);
    }
  });
}

function finish<Kind extends keyof WorkflowInputs, Result extends object>(
  { asJson, found, render }: Run<Kind, Result>,
  id: string,
  error: unknown,
): ExitCode {
  const result = error instanceof Detached ? undefined : found?.in(error);
  if (result === undefined) return finishFailed(error, id, asJson);
  const { type, message, exitCode } = readEnding(error);
  if (type !== found?.type || asJson) say(`${colors.red(type)}: ${message}`);
  if (asJson) printJson({ id, ...result, error: { type, message } });
  else print(render(result));
  return exitCode;
}
