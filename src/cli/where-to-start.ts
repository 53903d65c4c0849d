import { findTemporalAddress } from '../client/temporal-address.js';
import { registerSearchAttributes } from '../client/search-attributes.js';
import type { WorkflowInputs } from '../client/start.js';
import { connectTemporal } from '../client/temporal.js';
import { startFormLink, webUiUrlFor } from '../client/web-ui.js';
import type { LoadedConfiguration } from '../configuration/load.js';
import { ConfigurationError } from '../errors.js';
import { colors, print, printJson, say } from './terminal.js';

/**
 * Prints where the Web UI starts a workflow, and what to paste there.
 *
 * @throws ConfigurationError where nobody says where the Web UI is.
 */
export async function printStartForm<Kind extends keyof WorkflowInputs>(
  loaded: LoadedConfiguration,
  kind: Kind,
  input: WorkflowInputs[Kind],
  asJson: boolean,
): Promise<void> {
  const link = await startForm(loaded, kind, input.cluster);
  if (link === undefined) {
    throw new ConfigurationError({
      what: `${loaded.path} does not say where Temporal's Web UI is, and no pgdrill dev runs.`,
      means: 'There is no address to link to.',
      todo: 'Set temporal.ui_url, or start pgdrill dev.',
    });
  }
  if (asJson) printJson({ link, input });
  else print(`${link}\n\nInput to paste there:\n${JSON.stringify(input)}`);
}

/** Ends a doctor's report: where drills are started in the Web UI, and whether they can be searched there. */
export async function sayWhereToStart(loaded: LoadedConfiguration, clusters: readonly string[]): Promise<void> {
  for (const cluster of clusters) {
    const link = await startForm(loaded, 'drill', cluster);
    if (link === undefined) return;
    say(`\nDrill ${cluster} from the Web UI: ${link}\n  with the input ${JSON.stringify({ cluster })}`);
  }
  const temporal = await connectTemporal(loaded.stateDirectory, '3s').catch(() => undefined);
  if (temporal === undefined) return; // not what was asked of the doctor
  try {
    const problem = await registerSearchAttributes(temporal.connection, temporal.namespace);
    if (problem !== undefined) say(`${colors.yellow('Search attributes')}: ${problem}`);
  } finally {
    await temporal.close();
  }
}

async function startForm(
  loaded: LoadedConfiguration,
  kind: keyof WorkflowInputs,
  cluster: string,
): Promise<string | undefined> {
  const uiUrl = await webUiUrlFor(loaded);
  if (uiUrl === undefined) return undefined;
  const { namespace } = await findTemporalAddress(loaded.stateDirectory);
  const taskQueue = loaded.configuration.temporal.task_queue;
  return startFormLink(uiUrl, namespace, { kind, cluster, taskQueue });
}
