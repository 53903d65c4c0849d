import type { Command } from 'commander';

import { ownerStates } from '../client/owner-state.js';
import { clusterOf } from '../configuration/cluster.js';
import { type ExitCode, exitCodes, UsageError } from '../errors.js';
import { sweep } from '../janitor/sweep.js';
import type { SweepReport } from '../schema/leftovers.js';
import { parseDurationMs } from '../schema/primitives.js';
import { ensurePostgres } from '../toolchain/postgres.js';
import { confirm } from './confirm.js';
import { globalOptions, loadFor, withTemporal } from './context.js';
import { renderTable } from './table.js';
import { colors, print, printJson, say } from './terminal.js';

interface JanitorOptions {
  yes?: boolean;
  dryRun?: boolean;
  grace?: string;
  goneHost?: string[];
}

/** `pgdrill janitor [--dry-run]`: what is left over on this host, and away with it. Workers do the same on a schedule. */
export function addJanitor(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('janitor')
    .description('remove what killed or terminated runs left on this host: processes, sandboxes, half-done backups')
    .option('--dry-run', 'show what would be removed, and remove nothing')
    .option('--yes', 'do not ask')
    .option('--grace <duration>', 'leave alone what belongs to a run that ended less than this ago (default: 1m)')
    .option('--gone-host <name...>', 'a host that is gone for good: what was made there is removed, too')
    .addHelpText('after', '\nExamples:\n  pgdrill janitor --dry-run\n  pgdrill janitor --yes')
    .action(async (options: JanitorOptions, command: Command) => {
      const loaded = await loadFor(command);
      const clusters = Object.keys(loaded.configuration.clusters).map((name) => clusterOf(loaded, name));
      const graceMs = options.grace === undefined ? undefined : graceOf(options.grace);
      await withTemporal(loaded, async ({ client, namespace }) => {
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
        if (asked && !(await mayRemove(await look(true)))) {
          say('Nothing was removed.');
          exit(exitCodes.failed);
          return;
        }
        const report = await look(options.dryRun === true);
        if (globalOptions(command).json === true) printJson(report);
        else show(report);
        exit(report.failed.length === 0 ? exitCodes.done : exitCodes.failed);
      });
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
