import type { Argument, Command, Option } from 'commander';

/** What could be typed next. */
export interface Completion {
  word: string;
  description: string;
}

/** Values that only a look at the configuration, a repository or Temporal gives. */
export type Lookup = (
  kind: 'cluster' | 'run' | 'backup' | 'hold' | 'schedule',
  /** What was typed so far. */
  typed: { arguments: readonly string[]; config?: string },
) => Promise<Completion[]>;

/** Arguments by their names in the command tree. */
const lookups: Record<string, Parameters<Lookup>[0][]> = {
  cluster: ['cluster'],
  id: ['run'],
  'id-or-cluster': ['cluster', 'run'],
  backup: ['backup'],
  hold: ['hold'],
  name: ['schedule'],
};

/** Options whose value is a path. */
const pathOptions = new Set(['file', 'directory', 'key']);

/**
 * What could be typed next, by the command tree.
 *
 * @param words behind `pgdrill`; the last is the one that is being typed, perhaps empty.
 * @returns the completions, all of them that begin so; `files` where a path belongs there.
 */
export async function complete(
  program: Command,
  words: readonly string[],
  lookup: Lookup,
): Promise<Completion[] | 'files'> {
  const { before, option, current } = split(words);
  const { command, args, config, awaiting } = read(program, before);
  const found = await candidates();
  if (found === 'files') return found;
  const matching = found.filter(({ word }) => word.startsWith(current));
  return option === undefined
    ? matching
    : matching.map(({ word, ...rest }) => ({ word: `${option}=${word}`, ...rest }));

  async function candidates(): Promise<Completion[] | 'files'> {
    if (awaiting !== undefined) return await valuesOf(awaiting);
    if (current.startsWith('-')) return optionsOf(command);
    if (command.commands.length > 0) return subcommandsOf(command);
    const argument = command.registeredArguments[args.length] ?? variadicOf(command);
    if (argument === undefined) return [];
    if (argument.argChoices !== undefined) return argument.argChoices.map(plain);
    return await lookedUp(lookups[argument.name()] ?? []);
  }

  async function valuesOf(awaited: Option): Promise<Completion[] | 'files'> {
    if (awaited.argChoices !== undefined) return awaited.argChoices.map(plain);
    const value = /[<[]([a-z-]+)/.exec(awaited.flags)?.[1] ?? '';
    if (pathOptions.has(value)) return 'files';
    return await lookedUp(value === 'backup' ? ['backup'] : []);
  }

  async function lookedUp(kinds: readonly Parameters<Lookup>[0][]): Promise<Completion[]> {
    const typed = { arguments: args, ...(config === undefined ? {} : { config }) };
    return (await Promise.all(kinds.map((kind) => lookup(kind, typed)))).flat();
  }
}

const optionWithValue = /^(--[a-z-]+)=(.*)$/s;

/** What is being typed, apart from what stands before it; with its option where it is the value of `--option=value`, in one word. */
function split(words: readonly string[]): { before: string[]; option?: string; current: string } {
  // bash gives `=` as a word of its own, zsh and fish do not.
  const before = words
    .slice(0, -1)
    .flatMap((word) => (word === '=' ? [] : (optionWithValue.exec(word)?.slice(1, 3) ?? [word])));
  const current = words.at(-1) ?? '';
  const [, option, value] = optionWithValue.exec(current) ?? [];
  if (option === undefined || value === undefined) return { before, current: current === '=' ? '' : current };
  return { before: [...before, option], option, current: value };
}

interface Read {
  command: Command;
  args: string[];
  config?: string;
  /** The option whose value comes next. */
  awaiting?: Option;
}

function read(program: Command, words: readonly string[]): Read {
  const state: Read = { command: program, args: [] };
  for (const word of words) {
    if (state.awaiting !== undefined) {
      if (state.awaiting.long === '--config') state.config = word;
      delete state.awaiting;
      continue;
    }
    if (word.startsWith('-')) {
      const option = allOptions(state.command).find(({ long, short }) => long === word || short === word);
      if (option !== undefined && (option.required || option.optional)) state.awaiting = option;
      continue;
    }
    const below = state.command.commands.find((each) => each.name() === word);
    if (below === undefined) state.args.push(word);
    else state.command = below;
  }
  return state;
}

function allOptions(command: Command): Option[] {
  return [...command.options, ...(command.parent === null ? [] : allOptions(command.parent))];
}

function optionsOf(command: Command): Completion[] {
  const help = { word: '--help', description: 'display help for command' };
  const options = allOptions(command).flatMap(({ long, description, hidden }) =>
    long === undefined || hidden || (long === '--version' && command.parent !== null)
      ? []
      : [{ word: long, description }],
  );
  return [...options, help];
}

function subcommandsOf(command: Command): Completion[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((each) => ({ word: each.name(), description: each.description() }));
}

function variadicOf(command: Command): Argument | undefined {
  const last = command.registeredArguments.at(-1);
  return last?.variadic === true ? last : undefined;
}

function plain(word: string): Completion {
  return { word, description: '' };
}
