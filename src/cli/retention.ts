import type { Command } from 'commander';

import { clusterOf } from '../configuration/cluster.js';
import { type ExitCode, exitCodes } from '../errors.js';
import { openRepository } from '../repository/repository.js';
import { gatherFacts } from '../retention/facts.js';
import { planRetention } from '../retention/plan.js';
import { retentionOf } from '../retention/request.js';
import { summarize } from '../retention/summary.js';
import { undoMarks } from '../retention/undo.js';
import type { RetentionResult, RetentionSummary } from '../schema/retention.js';
import { confirm } from './confirm.js';
import { globalOptions, loadFor } from './context.js';
import { renderResult, renderSummary } from './render-retention.js';
import { runWorkflow } from './run-workflow.js';
import { print, printJson, say } from './terminal.js';

interface ApplyOptions {
  yes?: boolean;
  dryRun?: boolean;
  acceptClock?: boolean;
  id?: string;
}

/** `pgdrill retention plan|apply|undo CLUSTER`: what may be deleted, and deleting it in two steps. */
export function addRetention(program: Command, exit: (code: ExitCode) => void): void {
  const retention = program
    .command('retention')
    .description('delete what nothing needs any more: marked first, deleted after a grace');

  retention
    .command('plan')
    .description('show what is kept and why, and what may go; changes nothing')
    .argument('<cluster>', 'a cluster of the configuration')
    .option('--accept-clock', 'the clock is right, though it is far from the last run or the newest backup')
    .addHelpText('after', '\nExample:\n  pgdrill retention plan shop')
    .action(async (cluster: string, options: ApplyOptions, command: Command) => {
      show(await planFor(cluster, options, command), command);
      exit(exitCodes.done);
    });

  retention
    .command('apply')
    .description('mark what may go, and delete what was marked longer ago than the grace')
    .argument('<cluster>', 'a cluster of the configuration')
    .option('--yes', 'do not ask')
    .option('--dry-run', 'only show the plan')
    .option('--accept-clock', 'the clock is right, though it is far from the last run or the newest backup')
    .option('--id <id>', 'the workflow id (default: apply-retention-CLUSTER-TIME)')
    .addHelpText('after', '\nExample:\n  pgdrill retention apply shop --yes')
    .action(async (cluster: string, options: ApplyOptions, command: Command) => {
      const plan = await planFor(cluster, options, command);
      if (options.dryRun === true) {
        show(plan, command);
        exit(exitCodes.done);
        return;
      }
      if (options.yes !== true) {
        say(renderSummary(plan));
        const question = `Mark and delete this in the repository of ${cluster}?`;
        if (!(await confirm(question, `This would be marked and deleted in the repository of ${cluster}.`))) {
          say('Nothing was marked or deleted.');
          exit(exitCodes.failed);
          return;
        }
      }
      exit(
        await runWorkflow<'applyRetention', RetentionResult>(await loadFor(command), {
          kind: 'applyRetention',
          input: { cluster, ...(options.acceptClock === true ? { acceptClock: true } : {}) },
          id: options.id,
          asJson: globalOptions(command).json === true,
          render: renderResult,
        }),
      );
    });

  retention
    .command('undo')
    .description('take marks back, while the grace runs: of these backups, or all')
    .argument('<cluster>', 'a cluster of the configuration')
    .argument('[backup...]', 'backups whose mark is taken back (default: all)')
    .addHelpText('after', '\nExample:\n  pgdrill retention undo shop 20261122T020000Z-full')
    .action(async (cluster: string, backups: string[], _options: unknown, command: Command) => {
      const configured = clusterOf(await loadFor(command), cluster);
      const { walDirectory } = configured;
      const undone = await undoMarks({ repository: await openRepository(configured), walDirectory }, backups);
      if (globalOptions(command).json === true) printJson(undone);
      else if (undone.backups.length + undone.walStretches === 0) print('Nothing was marked.');
      else {
        print(
          `Not marked any more: ${undone.backups.length === 0 ? 'no backup' : undone.backups.join(', ')}; and all WAL.\nThe next run of retention marks them again, with their full grace. To keep a backup for longer: pgdrill hold ${cluster} BACKUP`,
        );
      }
      exit(exitCodes.done);
    });
}

async function planFor(cluster: string, options: ApplyOptions, command: Command): Promise<RetentionSummary> {
  const acceptClock = options.acceptClock === true;
  const request = await retentionOf(clusterOf(await loadFor(command), cluster), acceptClock);
  return summarize(planRetention(await gatherFacts(request), acceptClock), cluster);
}

function show(plan: RetentionSummary, command: Command): void {
  if (globalOptions(command).json === true) printJson(plan);
  else print(renderSummary(plan));
}
