import { readEnding } from '../client/failures.js';
import { hasPollers } from '../client/pollers.js';
import type { Temporal } from '../client/temporal.js';
import { webUiLink, webUiUrlFor } from '../client/web-ui.js';
import type { LoadedConfiguration } from '../configuration/load.js';
import type { ExitCode } from '../errors.js';
import { Detached } from './watch-workflow.js';
import { colors, printJson, say } from './terminal.js';

/** Says where the Web UI shows a workflow, as far as we know where the Web UI is. */
export async function sayStarted(loaded: LoadedConfiguration, temporal: Temporal, workflowId: string): Promise<void> {
  const uiUrl = await webUiUrlFor(loaded);
  say(
    `started ${colors.bold(workflowId)}${uiUrl === undefined ? '' : `  ${webUiLink(uiUrl, temporal.namespace, workflowId)}`}`,
  );
  const taskQueue = loaded.configuration.temporal.task_queue;
  if (await hasPollers(temporal, taskQueue)) return;
  say(
    `${colors.yellow('No worker')} polls task queue ${taskQueue}: nothing happens until one runs (pgdrill dev, or pgdrill worker).`,
  );
}

/**
 * Handles the end of a followed workflow that did not complete: detached, or failed.
 *
 * @param asJson prints the failure as the one JSON document.
 * @returns the exit code.
 */
export function finishFailed(error: unknown, workflowId: string, asJson: boolean): ExitCode {
  if (error instanceof Detached) {
    say(`detached: ${workflowId} goes on. Come back with: pgdrill status ${workflowId} --follow`);
    if (asJson) printJson({ id: workflowId, detached: true });
    return 0;
  }
  const { type, message, exitCode } = readEnding(error);
  say(`${colors.red(type)}: ${message}`);
  if (asJson) printJson({ id: workflowId, error: { type, message } });
  return exitCode;
}
