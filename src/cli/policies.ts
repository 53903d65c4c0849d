import { userInfo } from 'node:os';

import type { Command } from 'commander';

import { mirrorPolicies, withCatalog } from '../catalog/catalog.js';
import { applyChange, refuseForeign } from '../client/schedules/apply.js';
import { titleOf } from '../client/schedules/facets.js';
import { describeApplied, findWish } from '../client/schedules/find.js';
import { pause as pauseSchedule, resume as resumeSchedule, standings } from '../client/schedules/list.js';
import type { PlannedChange } from '../client/schedules/plan.js';
import { triggerNow } from '../client/schedules/trigger.js';
import { namesOf } from '../client/schedules/wish.js';
import { wishedSchedules } from '../client/schedules/wished.js';
import { clusterOf } from '../configuration/cluster.js';
import type { LoadedConfiguration } from '../configuration/load.js';
import { type ExitCode, exitCodes, messageOf, UsageError } from '../errors.js';
import { scheduleWarnings } from '../schedules/warnings.js';
import { confirm, declined } from './confirm.js';
import { catalogUrlFor, loadFor, withTemporal } from './context.js';
import { globalOptions } from './global-options.js';
import { sayStarted } from './finish.js';
import { planFor, showPlan } from './policies-plan.js';
import { showStandings } from './policies-list.js';
import { colors, print, printJson, say } from './terminal.js';

interface ApplyOptions {
  yes?: boolean;
  dryRun?: boolean;
}

export async function plan(cluster: string | undefined, _options: unknown, command: Command): Promise<ExitCode> {
  return await applyPolicies(command, cluster, { dryRun: true });
}

export async function apply(cluster: string | undefined, options: ApplyOptions, command: Command): Promise<ExitCode> {
  return await applyPolicies(command, cluster, options);
}

export async function list(cluster: string | undefined, _options: unknown, command: Command): Promise<ExitCode> {
  const loaded = await load(command, cluster);
  await withTemporal(loaded, async (temporal) => {
    const { changes, actual } = await planFor(loaded, temporal, undefined, cluster);
    const rows = await standings(temporal, changes, actual);
    if (globalOptions(command).json === true) printJson(rows);
    else showStandings(rows);
  });
  return exitCodes.done;
}

export async function pause(
  cluster: string,
  name: string,
  { reason }: { reason: string },
  command: Command,
): Promise<ExitCode> {
  return await pauseOrResume('pause', { cluster, name, reason }, command);
}

export async function resume(
  cluster: string,
  name: string,
  { reason }: { reason: string },
  command: Command,
): Promise<ExitCode> {
  return await pauseOrResume('resume', { cluster, name, reason }, command);
}

export async function runNow(cluster: string, name: string, _options: unknown, command: Command): Promise<ExitCode> {
  const loaded = await load(command, cluster);
  const wish = findWish(wishedSchedules(loaded.configuration), cluster, name);
  await withTemporal(loaded, async (temporal) => {
    const id = await triggerNow(temporal.client, wish, loaded.configuration.temporal.task_queue);
    await sayStarted(loaded, temporal, id);
    if (globalOptions(command).json === true) printJson({ schedule: wish.id, id });
    else print(`Follow it with: pgdrill status ${id} --follow`);
  });
  return exitCodes.done;
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
    if (yes !== true && !(await mayGoOn(changes))) return declined('Nothing was changed.', asJson);
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
): Promise<ExitCode> {
  const loaded = await load(command, cluster);
  const wish = findWish(wishedSchedules(loaded.configuration), cluster, name);
  if (!wish.enabled) {
    throw new UsageError({
      what: `${titleOf(wish)} is switched off in the configuration (enabled: false).`,
      means: 'It is paused already, and only the configuration switches it on.',
      todo: 'Take enabled: false out of the configuration, then run: pgdrill policies apply',
    });
  }
  return await withTemporal(loaded, async ({ client }) => {
    await describeApplied(client, wish, loaded.configuration.temporal.task_queue);
    const note = `${verb === 'pause' ? 'Paused' : 'Resumed'} by ${userInfo().username}${reason === '' ? '.' : `: ${reason}`}`;
    await (verb === 'pause' ? pauseSchedule : resumeSchedule)(client, wish.id, note);
    say(`${titleOf(wish)}: ${note}`);
    if (globalOptions(command).json === true) printJson({ schedule: wish.id, paused: verb === 'pause', note });
    return exitCodes.done;
  });
}
