import type { Command } from 'commander';

import { readEnding } from '../client/failures.js';
import type { LoadedConfiguration } from '../configuration/load.js';
import { clusterOf } from '../configuration/cluster.js';
import { type ExitCode, exitCodes, UsageError } from '../errors.js';
import type { DrillResult } from '../schema/evidence.js';
import type { ScenarioRequest } from '../schema/scenario.js';
import { parseTarget } from '../schema/target.js';
import { targetForms } from '../schema/vocabulary.js';
import { type DrillInput, drillInputSchema, type GateName } from '../schema/workflow-inputs.js';
import { loadFor } from './context.js';
import { globalOptions } from './global-options.js';
import { renderDrill } from './render-drill.js';
import { runWorkflow } from './run-workflow.js';
import { printStartForm } from './where-to-start.js';

interface DrillOptions {
  scenario?: ScenarioRequest;
  seed?: number;
  xid?: number;
  target: string;
  chain?: string;
  backup: 'none' | 'full' | 'incremental' | 'differential' | 'full+incremental' | 'full+differential';
  gate?: GateName[];
  gateTimeout?: string;
  id?: string;
  detach?: boolean;
  link?: boolean;
}

export async function drill(cluster: string, options: DrillOptions, command: Command): Promise<ExitCode> {
  return await runDrill(await loadFor(command), cluster, options, globalOptions(command).json === true);
}

/** Starts a drill, follows it, prints its result. @returns the exit code of the verdict. */
export async function runDrill(
  loaded: LoadedConfiguration,
  cluster: string,
  options: DrillOptions,
  asJson: boolean,
): Promise<ExitCode> {
  clusterOf(loaded, cluster);
  const target = parseTarget(options.target);
  if (typeof target === 'string')
    throw new UsageError({ what: target, means: 'Nothing was started.', todo: `Targets are: ${targetForms}.` });
  const input: DrillInput = {
    cluster,
    target: options.target,
    backup: options.backup,
    ...(options.scenario === undefined ? {} : { scenario: options.scenario }),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    ...(options.xid === undefined ? {} : { xid: options.xid }),
    ...(options.chain === undefined ? {} : { chain: options.chain }),
    ...(options.gate === undefined ? {} : { gates: options.gate }),
    ...(options.gateTimeout === undefined ? {} : { gateTimeout: options.gateTimeout }),
  };
  refuseContradiction(input);
  if (options.link === true) {
    await printStartForm(loaded, 'drill', withoutDefaults(input), asJson);
    return exitCodes.done;
  }
  return await runWorkflow<'drill', DrillResult>(loaded, {
    kind: 'drill',
    input,
    id: options.id,
    detach: options.detach,
    asJson,
    render: (result) => `\n${renderDrill(result)}`,
    exitCode: ({ verdict }) => (verdict === 'passed' ? exitCodes.done : exitCodes.unproven),
    found: { type: 'DrillFailed', in: (error) => readEnding(error).result },
  });
}

/** The workflow would say the same, but only once a worker has taken it. */
function refuseContradiction(input: DrillInput): void {
  const parsed = drillInputSchema.safeParse(input);
  if (parsed.success) return;
  throw new UsageError({
    what: parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
    means: 'Nothing was started.',
    todo: 'Correct it: pgdrill drill --help',
  });
}

/** What a person would write by hand. */
function withoutDefaults({ target, backup, scenario, ...rest }: DrillInput): DrillInput {
  return {
    ...rest,
    ...(scenario === undefined || scenario === 'now' ? {} : { scenario }),
    ...(target === 'fence' ? {} : { target }),
    ...(backup === 'none' ? {} : { backup }),
  };
}
