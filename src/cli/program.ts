import { Command } from 'commander';

import type { ExitCode } from '../errors.js';
import { version } from '../version.js';
import { addBackup } from './backup.js';
import { addBackups } from './backups.js';
import { addCandidates } from './candidates.js';
import { addCatalog } from './catalog.js';
import { commandsOf } from './command-tree.js';
import { addCompletion } from './completion.js';
import { addConsolidate } from './consolidate.js';
import { addDecide, addRetarget } from './decide.js';
import { addDemo } from './demo.js';
import { addDev } from './dev.js';
import { addDoctor } from './doctor.js';
import { addDrill } from './drill.js';
import { addEvidence } from './evidence.js';
import { addHold } from './hold.js';
import { addInit } from './init.js';
import { addJanitor } from './janitor.js';
import { addNotify } from './notify.js';
import { addObjectives } from './objectives.js';
import { addPlan } from './plan.js';
import { addPolicies } from './policies.js';
import { addRecover } from './recover.js';
import { addPsql } from './psql.js';
import { addReport } from './report.js';
import { addRepo } from './repo.js';
import { addRetention } from './retention.js';
import { addSabotageDrill } from './sabotage-drill.js';
import { addStatus } from './status.js';
import { addStream } from './stream.js';
import { addWorker } from './worker.js';

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
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError();
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
    add(program, exit);
  for (const { command } of commandsOf(program)) command.exitOverride();
  return program;
}
