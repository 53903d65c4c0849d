#!/usr/bin/env node
import { CommanderError } from 'commander';

import { codeOf, type ExitCode, exitCodes, messageOf, PgdrillError } from '../errors.js';
import { createProgram } from './program.js';
import { colors, printJson, say } from './terminal.js';

/** The one place that decides the process's exit code. */
function exit(code: ExitCode): void {
  process.exitCode = code;
}

// Whoever reads our output may have seen enough (`pgdrill status | head -3`).
process.stdout.on('error', (error) => {
  if (codeOf(error) !== 'EPIPE') throw error;
  process.exit();
});

const program = createProgram(exit);
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
