import type { Command } from 'commander';

import { ownerStates } from '../client/owner-state.js';
import { clusterOf } from '../configuration/cluster.js';
import { type ExitCode, exitCodes, UsageError } from '../errors.js';
import { sweep } from '../janitor/sweep.js';
import type { SweepReport } from '../schema/leftovers.js';
import { parseDurationMs } from '../schema/primitives.js';
import { ensurePostgres } from '../toolchain/postgres.js';
import { confirm, declined } from './confirm.js';
import { loadFor, withTemporal } from './context.js';
import { globalOptions } from './global-options.js';
import { renderTable } from './table.js';
import { colors, print, printJson, say } from './terminal.js';

interface JanitorOptions {
  yes?: boolean;
  dryRun?: boolean;
  grace?: string;
  goneHost?: string[];
}

export async function janitor(options: JanitorOptions, command: Command): Promise<ExitCode> {
  const loaded = await loadFor(command);
  const clusters = Object.keys(loaded.configuration.clusters).map((name) => clusterOf(loaded, name));
  const asJson = globalOptions(command).json === true;
  const graceMs = options.grace === undefined ? undefined : graceOf(options.grace);
  return await withTemporal(loaded, async ({ client, namespace }) => {
    const look = (dryRun: boolean): Promise<SweepReport> =>
      sweep({
        stateDirectory: loaded.stateDirectory,
        sandboxDirectories: clusters.map(({ sandboxDirectory }) => sandboxDirectory),
        repositories: clusters,
        namespace,
        ownerState: ownerStates(client),
        tools: () => ensurePostgres({ progress: say }),
        ...(dryRun ? { dryRun: true } : {}),
        ...(graceMs === undefined ? {} : { graceMs }),
        ...(options.goneHost === undefined ? {} : { goneHosts: options.goneHost }),
      });
    const asked = options.dryRun !== true && options.yes !== true;
    if (asked && !(await mayRemove(await look(true)))) return declined('Nothing was removed.', asJson);
    const report = await look(options.dryRun === true);
    if (asJson) printJson(report);
    else show(report);
    return report.failed.length === 0 ? exitCodes.done : exitCodes.failed;
  });
}

async function mayRemove(planned: SweepReport): Promise<boolean> {
  const { removed } = planned;
  if (removed.length === 0) return true;
  say(renderTable(removed.map(({ what, why }) => [colors.yellow('would go'), what, why])));
  const things = removed.length === 1 ? 'this' : `these ${removed.length}`;
  return await confirm(`Remove ${things}?`, `The janitor would remove ${things}.`);
}

function graceOf(text: string): number {
  const graceMs = parseDurationMs(text);
  if (graceMs !== undefined) return graceMs;
  throw new UsageError({
    what: `--grace ${text} is not a duration.`,
    means: 'Nothing was looked at.',
    todo: 'Write it like 30s, 5m or 2h.',
  });
}

function show({ dryRun, removed, kept, refused, failed }: SweepReport): void {
  const rows = [
    ...failed.map(({ what, why }) => [colors.red('still there'), what, why]),
    ...refused.map(({ what, why }) => [colors.yellow('for you'), what, why]),
    ...removed.map(({ what, why }) => [colors.green(dryRun ? 'would go' : 'removed'), what, why]),
    ...kept.map(({ what, why }) => ['kept', what, why]),
  ];
  print(rows.length === 0 ? 'Nothing is left over on this host.' : renderTable(rows));
  for (const { what, todo } of [...failed, ...refused]) print(`\n${what}\n  To do: ${todo}`);
}
