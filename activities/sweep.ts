import { Context } from '@temporalio/activity';

import type { MonitoringEvent } from '../src/catalog/catalog.js';
import { ownerStates } from '../src/client/owner-state.js';
import { clusterOf } from '../src/configuration/cluster.js';
import { sweep } from '../src/janitor/sweep.js';
import type { SweepReport, ToDo } from '../src/schema/leftovers.js';
import type { Dependencies } from './dependencies.js';
import { intoCatalog } from './into-catalog.js';
import { type Step, step } from './step.js';

/** Finds what runs that are over left on this worker's host and removes it; what a person has to see to becomes an event. */
export const createSweep = ({
  loaded,
  toolsFor,
  catalogUrl,
}: Dependencies): Step<{ graceMs?: number | undefined }, SweepReport & { warnings: string[] }> =>
  step(async (input: { graceMs?: number | undefined }, context) => {
    const { client } = Context.current();
    const clusters = Object.keys(loaded.configuration.clusters).map((name) => clusterOf(loaded, name));
    const report = await sweep({
      stateDirectory: loaded.stateDirectory,
      sandboxDirectories: clusters.map(({ sandboxDirectory }) => sandboxDirectory),
      repositories: clusters,
      namespace: client.options.namespace,
      ownerState: ownerStates(client),
      tools: () => toolsFor(0),
      progress: (doing) => context.progress({ doing }),
      ...(input.graceMs === undefined ? {} : { graceMs: input.graceMs }),
    });
    const alarms = [
      ...report.failed.map((each) => eventOf(each, 'critical', 'leftover_not_removed')),
      ...report.refused.map((each) => eventOf(each, 'warning', 'leftover_for_a_person')),
    ];
    // Also without alarms where there is a catalog: it may be behind.
    if (alarms.length === 0 && catalogUrl === undefined) return { ...report, warnings: [] };
    return { ...report, warnings: await intoCatalog({ loaded, catalogUrl }, context.signal, { events: alarms }) };
  });

/** One event a leftover, however often the janitor comes by. */
function eventOf(
  { what, why, todo, cluster, workflowId, runId }: ToDo,
  severity: 'critical' | 'warning',
  kind: string,
): MonitoringEvent {
  return {
    cluster: cluster ?? 'pgdrill',
    at: new Date().toISOString(),
    severity,
    kind,
    message: `${what} is left over${workflowId === undefined ? '' : ` from ${workflowId}`}: ${why}. To do: ${todo}`,
    operation: `janitor/${kind}/${workflowId ?? ''}/${runId ?? ''}/${what}`,
  };
}
