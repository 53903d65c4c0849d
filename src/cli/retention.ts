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
import { confirm, declined } from './confirm.js';
import { loadFor } from './context.js';
import { globalOptions } from './global-options.js';
import { renderResult, renderSummary } from './render-retention.js';
import { runWorkflow } from './run-workflow.js';
import { print, printJson, say } from './terminal.js';

interface ApplyOptions {
  yes?: boolean;
  dryRun?: boolean;
  acceptClock?: boolean;
  id?: string;
}

export async function plan(cluster: string, options: ApplyOptions, command: Command): Promise<ExitCode> {
  show(await planFor(cluster, options, command), command);
  return exitCodes.done;
}

export async function apply(cluster: string, options: ApplyOptions, command: Command): Promise<ExitCode> {
  const asJson = globalOptions(command).json === true;
  const plan = await planFor(cluster, options, command);
  if (options.dryRun === true) {
    show(plan, command);
    return exitCodes.done;
  }
  if (options.yes !== true) {
    say(renderSummary(plan));
    const question = `Mark and delete this in the repository of ${cluster}?`;
    if (!(await confirm(question, `This would be marked and deleted in the repository of ${cluster}.`)))
      return declined('Nothing was marked or deleted.', asJson);
  }
  return await runWorkflow<'applyRetention', RetentionResult>(await loadFor(command), {
    kind: 'applyRetention',
    input: { cluster, ...(options.acceptClock === true ? { acceptClock: true } : {}) },
    id: options.id,
    asJson,
    render: renderResult,
  });
}

export async function undo(cluster: string, backups: string[], _options: unknown, command: Command): Promise<ExitCode> {
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
  return exitCodes.done;
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
