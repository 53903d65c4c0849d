import type { Argument, Command, Option } from 'commander';

/** A command and what one types for it: `pgdrill retention plan`. */
export interface NamedCommand {
  path: string;
  command: Command;
}

/** A command and all below it, each before its own; hidden ones, too. */
export function commandsOf(command: Command, above = ''): NamedCommand[] {
  const path = `${above}${command.name()}`;
  return [{ path, command }, ...command.commands.flatMap((each) => commandsOf(each, `${path} `))];
}

/** What `--help` says of a command, in parts. */
export interface CommandHelp {
  path: string;
  description: string;
  /** What is typed, with the arguments: `pgdrill backup [options] <cluster>`. */
  usage: string;
  arguments: { term: string; description: string }[];
  options: { term: string; description: string }[];
  /** More words, below the options, without the examples. */
  notes: string;
  /** Command lines. */
  examples: string[];
}

/** The help of every command that does something and is not hidden, in the order of the program's help. */
export function helpOfAll(program: Command): CommandHelp[] {
  const hidden = new Set(
    commandsOf(program)
      .map(({ command }) => command)
      .filter((command) => command.parent !== null && !visible(command.parent).includes(command)),
  );
  return commandsOf(program)
    .filter(({ command }) => command !== program && command.commands.length === 0 && !hidden.has(command))
    .map(({ path, command }) => helpOf(path, command));
}

function helpOf(path: string, command: Command): CommandHelp {
  const help = command.createHelp();
  const [notes = '', examples = ''] = belowOptions(command).split(/^Examples?:$/m);
  return {
    path,
    description: help.commandDescription(command),
    usage: help.commandUsage(command),
    arguments: help
      .visibleArguments(command)
      .map((each: Argument) => ({ term: help.argumentTerm(each), description: help.argumentDescription(each) })),
    options: optionsOf(command, help.visibleOptions(command)),
    notes: notes.trim(),
    examples: examples
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== ''),
  };
}

/** The options that every command takes. */
export function globalOptionsHelp(program: Command): { term: string; description: string }[] {
  return optionsOf(program, program.createHelp().visibleOptions(program));
}

function optionsOf(command: Command, options: readonly Option[]): { term: string; description: string }[] {
  const help = command.createHelp();
  return options
    .filter((option) => option.long !== '--help')
    .map((option) => ({ term: help.optionTerm(option), description: help.optionDescription(option) }));
}

function visible(command: Command): Command[] {
  return command.createHelp().visibleCommands(command);
}

/** What `addHelpText('after', …)` put there: all that is printed but the help itself. */
function belowOptions(command: Command): string {
  let text = '';
  const own = command.configureOutput();
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  command.configureOutput(own);
  return text.replace(command.helpInformation(), '');
}
