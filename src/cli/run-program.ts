import { CommanderError } from 'commander';

import { type ExitCode, exitCodes, messageOf, PgdrillError } from '../errors.js';
import { version } from '../version.js';
import { commandsOf } from './command-tree.js';
import { createProgram } from './program.js';
import { beginOutput, colors, hasPrintedJson, print, printJson, say } from './terminal.js';

/**
 * Runs a command line, and says what kept it from being done.
 *
 * @param words behind `pgdrill`.
 * @returns the exit code: this is the one place that decides it.
 */
export async function runProgram(words: readonly string[]): Promise<ExitCode> {
  beginOutput();
  let code: ExitCode = exitCodes.done;
  const program = createProgram((told) => (code = told));
  // What the parser gives up at it may not have come to --json.
  const asJson = words.slice(0, endOfOptions(words)).includes('--json');
  let help = '';
  for (const { command } of commandsOf(program)) command.configureOutput({ writeOut: (text) => (help += text) });
  try {
    await program.parseAsync(words, { from: 'user' });
    return code;
  } catch (error) {
    return error instanceof CommanderError ? endOfParsing(error, help, asJson) : failed(error, asJson);
  }
}

function endOfOptions(words: readonly string[]): number {
  const at = words.indexOf('--');
  return at === -1 ? words.length : at;
}

/** Help or the version was asked for, or the parser has said on standard error what it did not understand. */
function endOfParsing({ code, exitCode, message }: CommanderError, help: string, asJson: boolean): ExitCode {
  if (exitCode === 0) {
    if (!asJson) print(help.trimEnd());
    else printJson(code === 'commander.version' ? { version } : { help });
    return exitCodes.done;
  }
  // Its word for a command that needs another word is no message.
  const said = code === 'commander.help' ? 'A command is missing: --help lists them.' : message;
  if (asJson) printJson({ error: { type: 'UsageError', message: said } });
  return exitCodes.usage;
}

function failed(error: unknown, asJson: boolean): ExitCode {
  const name = error instanceof Error ? error.name : 'Error';
  say(`${colors.red(name)}: ${messageOf(error)}`);
  if (!(error instanceof PgdrillError) && error instanceof Error) say(colors.dim(error.stack ?? ''));
  // What ran in the foreground may have given its document before it failed.
  if (asJson && !hasPrintedJson()) printJson({ error: { type: name, message: messageOf(error) } });
  return error instanceof PgdrillError ? error.exitCode : exitCodes.failed;
}
