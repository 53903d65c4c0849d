import { Command } from 'commander';

import type { ExitCode } from '../errors.js';
import { version } from '../version.js';
import { addBackup } from './commands/backup.js';
import { addBackups } from './commands/backups.js';
import { addCandidates } from './commands/candidates.js';
import { addCatalog } from './commands/catalog.js';
import { commandsOf } from './command-tree.js';
import { addCompletion } from './commands/completion.js';
import { addConsolidate } from './commands/consolidate.js';
import { addDecide, addRetarget } from './commands/decide.js';
import { addDemo } from './commands/demo.js';
import { addDev } from './commands/dev.js';
import { addDoctor } from './commands/doctor.js';
import { addDrill } from './commands/drill.js';
import { addEvidence } from './commands/evidence.js';
import { addHold } from './commands/hold.js';
import { addInit } from './commands/init.js';
import { addJanitor } from './commands/janitor.js';
import { addNotify } from './commands/notify.js';
import { addObjectives } from './commands/objectives.js';
import { addPlan } from './commands/plan.js';
import { addPolicies } from './commands/policies.js';
import { addRecover } from './commands/recover.js';
import { addPsql } from './commands/psql.js';
import { addReport } from './commands/report.js';
import { addRepo } from './commands/repo.js';
import { addRetention } from './commands/retention.js';
import type { Runner } from './commands/runner.js';
import { addSabotageDrill } from './commands/sabotage-drill.js';
import { addStatus } from './commands/status.js';
import { addStream } from './commands/stream.js';
import { addWorker } from './commands/worker.js';

/**
 * All commands, in the order in which the help lists them.
 *
 * @param exit is told the exit code of the command that ran.
 */
export function createProgram(exit: (code: ExitCode) => void): Command {
  const program = new Command('pgdrill')
    .description(
      'Backup and recovery drills for PostgreSQL that prove, at a named LSN, that the restored database equals production.',
    )
    .version(version)
    .option(
      '--config <file>',
      'configuration file (default: PGDRILL_CONFIG, ./pgdrill.yaml, /etc/pgdrill/pgdrill.yaml)',
    )
    .option('--json', 'exactly one JSON document on standard output, all else on standard error')
    .addHelpText(
      'after',
      `
What runs, and what waits for you:   pgdrill status
A database is lost or damaged:       pgdrill recover
Do the backups of shop restore:      pgdrill drill shop
All about one command, an example:   pgdrill COMMAND --help`,
    )
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError();
  const run: Runner =
    (load) =>
    async (...args) =>
      exit(await (await load())(...args));
  for (const add of [
    addInit,
    addDoctor,
    addBackup,
    addBackups,
    addConsolidate,
    addDrill,
    addPlan,
    addCandidates,
    addRecover,
    addSabotageDrill,
    addPolicies,
    addDecide,
    addRetarget,
    addPsql,
    addObjectives,
    addNotify,
    addReport,
    addEvidence,
    addRetention,
    addHold,
    addStatus,
    addRepo,
    addCatalog,
    addStream,
    addJanitor,
    addDev,
    addWorker,
    addDemo,
    addCompletion,
  ])
    add(program, run);
  for (const { path, command } of commandsOf(program))
    command.exitOverride().showHelpAfterError(`  Nothing was done. What can be typed, and an example: ${path} --help`);
  return program;
}
