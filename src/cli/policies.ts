import { userInfo } from 'node:os';

import type { Command } from 'commander';

import { mirrorPolicies, withCatalog } from '../catalog/catalog.js';
import { applyChange, refuseForeign } from '../client/schedules/apply.js';
import { titleOf } from '../client/schedules/facets.js';
import { describeApplied, findWish } from '../client/schedules/find.js';
import { pause, resume, standings } from '../client/schedules/list.js';
import type { PlannedChange } from '../client/schedules/plan.js';
import { triggerNow } from '../client/schedules/trigger.js';
import { namesOf } from '../client/schedules/wish.js';
import { wishedSchedules } from '../client/schedules/wished.js';
import { clusterOf } from '../configuration/cluster.js';
import type { LoadedConfiguration } from '../configuration/load.js';
import { type ExitCode, exitCodes, messageOf, UsageError } from '../errors.js';
import { scheduleWarnings } from '../schedules/warnings.js';
import { confirm } from './confirm.js';
import { catalogUrlFor, globalOptions, loadFor, withTemporal } from './context.js';
import { sayStarted } from './finish.js';
import { planFor, showPlan } from './policies-plan.js';
import { showStandings } from './policies-list.js';
import { colors, print, printJson, say } from './terminal.js';

interface ApplyOptions {
  yes?: boolean;
  dryRun?: boolean;
}

/** `pgdrill policies …`: keeps Temporal's schedules in step with the configuration. */
export function addPolicies(program: Command, exit: (code: ExitCode) => void): void {
  const policies = program
    .command('policies')
    .description('backups, drills and sabotage drills on a schedule: bring them to Temporal, and see how they stand');

  policies
    .command('plan')
    .description('show how Temporal’s schedules differ from the configuration; changes nothing')
    .argument('[cluster]', 'only this one’s')
    .addHelpText('after', '\nExample:\n  pgdrill policies plan')
    .action(async (cluster: string | undefined, _options: unknown, command: Command) => {
      exit(await applyPolicies(command, cluster, { dryRun: true }));
    });

  policies
    .command('apply')
    .description('make Temporal’s schedules what the configuration says, showing the difference first')
    .argument('[cluster]', 'only this one’s')
    .option('--yes', 'do not ask before removing, or before setting back what somebody changed in Temporal')
    .option('--dry-run', 'show the difference, and change nothing')
    .addHelpText('after', '\nExample:\n  pgdrill policies apply')
    .action(async (cluster: string | undefined, options: ApplyOptions, command: Command) => {
      exit(await applyPolicies(command, cluster, options));
    });

  policies
    .command('list')
    .description('when each schedule runs next, how its last run ended, and why it is paused')
    .argument('[cluster]', 'only this one’s')
    .addHelpText('after', '\nExample:\n  pgdrill policies list shop')
    .action(async (cluster: string | undefined, _options: unknown, command: Command) => {
      const loaded = await load(command, cluster);
      await withTemporal(loaded, async (temporal) => {
        const { changes, actual } = await planFor(loaded, temporal, undefined, cluster);
        const rows = await standings(temporal, changes, actual);
        if (globalOptions(command).json === true) printJson(rows);
        else showStandings(rows);
      });
      exit(exitCodes.done);
    });

  for (const [verb, description] of [
    ['pause', 'stop a schedule from starting runs, until it is resumed'],
    ['resume', 'let a paused schedule go on'],
  ] as const) {
    policies
      .command(verb)
      .description(description)
      .argument('<cluster>', 'a cluster of the configuration')
      .argument('<name>', 'the policy; or drill/NAME, sabotage, …')
      .option('--reason <text>', 'why; it is shown by `policies list` and in the Web UI', '')
      .addHelpText('after', `\nExample:\n  pgdrill policies ${verb} shop daily_full --reason "storage is being moved"`)
      .action(async (cluster: string, name: string, { reason }: { reason: string }, command: Command) => {
        await pauseOrResume(verb, { cluster, name, reason }, command);
        exit(exitCodes.done);
      });
  }

  policies
    .command('run')
    .description('start one schedule’s run now, also where it is paused')
    .argument('<cluster>', 'a cluster of the configuration')
    .argument('<name>', 'the policy; or drill/NAME, sabotage, …')
    .addHelpText('after', '\nExample:\n  pgdrill policies run shop daily_full')
    .action(async (cluster: string, name: string, _options: unknown, command: Command) => {
      const loaded = await load(command, cluster);
      const wish = findWish(wishedSchedules(loaded.configuration), cluster, name);
      await withTemporal(loaded, async (temporal) => {
        const id = await triggerNow(temporal.client, wish, loaded.configuration.temporal.task_queue);
        await sayStarted(loaded, temporal, id);
        if (globalOptions(command).json === true) printJson({ schedule: wish.id, id });
        else print(`Follow it with: pgdrill status ${id} --follow`);
      });
      exit(exitCodes.done);
    });
}

async function load(command: Command, cluster: string | undefined): Promise<LoadedConfiguration> {
  const loaded = await loadFor(command);
  if (cluster !== undefined) clusterOf(loaded, cluster);
  return loaded;
}

/** Shows the plan; makes it so, unless it is a dry run. */
async function applyPolicies(
  command: Command,
  cluster: string | undefined,
  { yes, dryRun }: ApplyOptions,
): Promise<ExitCode> {
  const loaded = await load(command, cluster);
  const asJson = globalOptions(command).json === true;
  return await withTemporal(loaded, async (temporal) => {
    const catalogUrl = await catalogUrlFor(loaded);
    const { changes } = await planFor(loaded, temporal, catalogUrl, cluster);
    const warnings = scheduleWarnings(loaded.configuration);
    const shown = changes.map((change) => ({ ...change, wish: undefined }));
    if (!asJson) showPlan(changes, warnings);
    if (dryRun === true) {
      if (asJson) printJson({ changes: shown, warnings });
      return exitCodes.done;
    }
    refuseForeign(changes);
    if (yes !== true && !(await mayGoOn(changes))) {
      say('Nothing was changed.');
      return exitCodes.failed;
    }
    for (const change of changes) await applyChange(temporal.client, change, loaded.configuration.temporal.task_queue);
    const trouble = await mirror(loaded, catalogUrl, changes, cluster);
    if (trouble !== undefined) say(`${colors.yellow('Warning')}: ${trouble}`);
    if (asJson)
      printJson({
        changes: shown,
        warnings: [...warnings, ...(trouble === undefined ? [] : [trouble])],
        applied: true,
      });
    else print('Applied.');
    return exitCodes.done;
  });
}

/** What is lost by applying has to be agreed to: schedules that go, and what somebody set in Temporal by hand. */
async function mayGoOn(changes: readonly PlannedChange[]): Promise<boolean> {
  const removed = changes.filter(({ action }) => action === 'remove');
  const setBack = changes.filter(({ action, edited }) => action === 'update' && edited);
  const parts = [
    ...(removed.length === 0 ? [] : [`remove ${removed.map(titleOf).join(', ')}`]),
    ...(setBack.length === 0 ? [] : [`set back what was changed by hand in ${setBack.map(titleOf).join(', ')}`]),
  ];
  if (parts.length === 0) return true;
  return await confirm(`This will ${parts.join(', and ')}. Go on?`, `This would ${parts.join(', and ')}.`);
}

/** The catalog only mirrors: when it is away, the schedules are right all the same. @returns what went wrong. */
async function mirror(
  { configuration }: LoadedConfiguration,
  catalogUrl: string | undefined,
  changes: readonly PlannedChange[],
  cluster: string | undefined,
): Promise<string | undefined> {
  if (catalogUrl === undefined) return 'No catalog is configured: backup_policies does not show this.';
  const clusters = new Set([...Object.keys(configuration.clusters), ...changes.map((change) => change.cluster)]);
  const chosen = cluster === undefined ? [...clusters] : [cluster];
  const policies = chosen.flatMap((each) =>
    Object.entries(configuration.clusters[each]?.policies ?? {}).map(([name, policy]) => ({
      cluster: each,
      name,
      policy,
      scheduleId: namesOf(each, 'backup', name).id,
    })),
  );
  try {
    await withCatalog(catalogUrl, (client) => mirrorPolicies(client, chosen, policies));
    return undefined;
  } catch (error) {
    return `The schedules are applied, but the catalog could not be written: ${messageOf(error)}`;
  }
}

async function pauseOrResume(
  verb: 'pause' | 'resume',
  { cluster, name, reason }: { cluster: string; name: string; reason: string },
  command: Command,
): Promise<void> {
  const loaded = await load(command, cluster);
  const wish = findWish(wishedSchedules(loaded.configuration), cluster, name);
  if (!wish.enabled) {
    throw new UsageError({
      what: `${titleOf(wish)} is switched off in the configuration (enabled: false).`,
      means: 'It is paused already, and only the configuration switches it on.',
      todo: 'Take enabled: false out of the configuration, then run: pgdrill policies apply',
    });
  }
  await withTemporal(loaded, async ({ client }) => {
    await describeApplied(client, wish, loaded.configuration.temporal.task_queue);
    const note = `${verb === 'pause' ? 'Paused' : 'Resumed'} by ${userInfo().username}${reason === '' ? '.' : `: ${reason}`}`;
    await (verb === 'pause' ? pause : resume)(client, wish.id, note);
    say(`${titleOf(wish)}: ${note}`);
    if (globalOptions(command).json === true) printJson({ schedule: wish.id, paused: verb === 'pause', note });
  });
}
