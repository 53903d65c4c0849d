import { type Command, InvalidArgumentError, Option } from 'commander';

import { readEnding } from '../client/failures.js';
import type { LoadedConfiguration } from '../configuration/load.js';
import { clusterOf } from '../configuration/cluster.js';
import { type ExitCode, exitCodes, UsageError } from '../errors.js';
import type { DrillResult } from '../schema/evidence.js';
import { type ScenarioRequest, scenarioRequestSchema } from '../schema/scenario.js';
import { parseTarget, targetForms } from '../schema/target.js';
import { type DrillInput, drillInputSchema, type GateName } from '../schema/workflow-inputs.js';
import { globalOptions, loadFor } from './context.js';
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

/** `pgdrill drill CLUSTER`: prove that the backups restore. */
export function addDrill(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('drill')
    .description('restore into a sandbox, prove that it equals the source, measure RTO and RPO, clean up')
    .argument('<cluster>', 'a cluster of the configuration')
    .addOption(
      new Option('--scenario <scenario>', 'which failure is rehearsed; all but now choose the target themselves')
        .choices(scenarioRequestSchema.options)
        .default('now'),
    )
    .option('--seed <number>', 'what scenario random draws with (default: one that is drawn)', wholeNumber)
    .option('--xid <number>', 'what scenario oops undoes, see pgdrill candidates (default: the largest)', wholeNumber)
    .option('--target <target>', `where recovery stops: ${targetForms}`, 'fence')
    .option('--chain <backup>', 'restore from the chain that ends with this backup (default: the fastest)')
    .addOption(
      new Option('--backup <what>', 'backups to take first')
        .choices(['none', 'full', 'incremental', 'differential', 'full+incremental', 'full+differential'])
        .default('none'),
    )
    .addOption(new Option('--gate <gate...>', 'wait for a human there').choices(['restore', 'promote']))
    .option('--gate-timeout <duration>', 'how long a gate waits, such as 30m')
    .option('--id <id>', 'the workflow id (default: drill-CLUSTER-TIME)')
    .option('--detach', 'start it and return at once')
    .option('--link', 'start nothing: print the link to the Web UI’s start form, filled in, and the input to paste')
    .addHelpText(
      'after',
      '\nExamples:\n  pgdrill drill shop --backup incremental --gate promote\n  pgdrill drill shop --scenario old',
    )
    .action(async (cluster: string, options: DrillOptions, command: Command) => {
      exit(await runDrill(await loadFor(command), cluster, options, globalOptions(command).json === true));
    });
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

function wholeNumber(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
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
