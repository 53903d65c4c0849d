#!/usr/bin/env node
import { Command, CommanderError } from 'commander';

import { type ExitCode, exitCodes, messageOf, PgdrillError } from '../errors.js';
import { version } from '../version.js';
import { addBackup } from './backup.js';
import { addBackups } from './backups.js';
import { addCandidates } from './candidates.js';
import { addCatalog } from './catalog.js';
import { addConsolidate } from './consolidate.js';
import { addDecide } from './decide.js';
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
import { addReport } from './report.js';
import { addRepo } from './repo.js';
import { addRetention } from './retention.js';
import { addSabotageDrill } from './sabotage-drill.js';
import { addStatus } from './status.js';
import { addStream } from './stream.js';
import { colors, printJson, say } from './terminal.js';
import { addWorker } from './worker.js';

/** The one place that decides the process's exit code. */
function exit(code: ExitCode): void {
  process.exitCode = code;
}

const program = new Command('pgdrill')
  .description(
    'Backup and recovery drills for PostgreSQL that prove, at a named LSN, that the restored database equals production.',
  )
  .version(version)
  .option('--config <file>', 'configuration file (default: PGDRILL_CONFIG, ./pgdrill.yaml, /etc/pgdrill/pgdrill.yaml)')
  .option('--json', 'exactly one JSON document on standard output, all else on standard error')
  .configureHelp({ showGlobalOptions: true })
  .showSuggestionAfterError()
  .exitOverride();

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
])
  add(program, exit);
for (const command of program.commands.flatMap((each) => [each, ...each.commands])) command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  exit(report(error));
}

function report(error: unknown): ExitCode {
  if (error instanceof CommanderError) return reportUsage(error);
  const code = error instanceof PgdrillError ? error.exitCode : exitCodes.failed;
  const name = error instanceof Error ? error.name : 'Error';
  say(`${colors.red(name)}: ${messageOf(error)}`);
  if (!(error instanceof PgdrillError) && error instanceof Error) say(colors.dim(error.stack ?? ''));
  if (program.opts<{ json?: boolean }>().json === true) printJson({ error: { type: name, message: messageOf(error) } });
  return code;
}

/** The parser has said on standard error what it did not understand. Where it gave up it may not have come to --json. */
function reportUsage({ exitCode, message }: CommanderError): ExitCode {
  if (exitCode === 0) return exitCodes.done;
  if (process.argv.includes('--json')) printJson({ error: { type: 'UsageError', message } });
  return exitCodes.usage;
}
