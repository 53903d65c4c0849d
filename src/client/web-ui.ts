import type { LoadedConfiguration } from '../configuration/load.js';
import { readDevState } from '../embedded/dev-state.js';
import type { WorkflowInputs } from './start.js';

/** Where the Web UI is: as configured (`temporal.ui_url`), else that of the running `pgdrill dev`. Undefined where neither says. */
export async function webUiUrlFor({ configuration, stateDirectory }: LoadedConfiguration): Promise<string | undefined> {
  const configured = configuration.temporal.ui_url?.replace(/\/+$/, '');
  return configured ?? (await readDevState(stateDirectory))?.uiUrl;
}

/** Where the Web UI shows a workflow. */
export function webUiLink(uiUrl: string, namespace: string, workflowId: string): string {
  return `${uiUrl}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`;
}

/**
 * The Web UI's form that starts a workflow, filled in but for the input: the UI (2.42) takes the workflow id, the task queue and the type from
 * the address. The input it takes from the newest run of the same id and type. So the id is a plain one that stays: whoever keeps the link
 * pastes the input once.
 */
export function startFormLink(
  uiUrl: string,
  namespace: string,
  { kind, cluster, taskQueue }: { kind: keyof WorkflowInputs; cluster: string; taskQueue: string },
): string {
  const parameters = new URLSearchParams({ workflowType: kind, taskQueue, workflowId: `${kind}-${cluster}` });
  return `${uiUrl}/namespaces/${encodeURIComponent(namespace)}/workflows/start-workflow?${parameters.toString()}`;
}
