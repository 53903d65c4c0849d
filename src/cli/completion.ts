import { Argument, type Command } from 'commander';

import type { ExitCode } from '../errors.js';
import { complete } from './complete.js';
import { globalOptions } from './context.js';
import { lookUp } from './look-up.js';
import { print, printJson } from './terminal.js';

type Shell = 'bash' | 'zsh' | 'fish';

/**
 * Each asks `pgdrill complete` what could come next, at every TAB: a word a line, with a description behind a tab; or `:files`, where the
 * shell's own completion of paths is meant.
 */
const scripts: Record<Shell, string> = {
  bash: `# pgdrill: completion for bash
_pgdrill() {
  local IFS=$'\\n' reply
  reply=$(pgdrill complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return
  COMPREPLY=()
  if [[ $reply == :files ]]; then
    compopt -o default 2>/dev/null
    return
  fi
  mapfile -t COMPREPLY < <(cut -f1 <<<"$reply" | sed '/^$/d')
}
complete -F _pgdrill pgdrill`,
  zsh: `#compdef pgdrill
# pgdrill: completion for zsh
_pgdrill() {
  local reply line
  local -a found
  reply=$(pgdrill complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null) || return 1
  if [[ $reply == :files ]]; then
    _files
    return
  fi
  for line in "\${(@f)reply}"; do
    [[ -n $line ]] && found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  _describe pgdrill found
}
if [[ $funcstack[1] == _pgdrill ]]; then
  _pgdrill "$@"
else
  compdef _pgdrill pgdrill
fi`,
  fish: `# pgdrill: completion for fish
function __pgdrill_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l reply (pgdrill complete -- $words[2..-1] 2>/dev/null)
    if test "$reply" = :files
        __fish_complete_path (commandline -ct)
    else
        printf '%s\\n' $reply
    end
end
complete -c pgdrill -f -a '(__pgdrill_complete)'`,
};

/** `pgdrill completion SHELL`: what a shell needs to complete commands, options, clusters, runs and backups. */
export function addCompletion(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('completion')
    .description('print what a shell needs to complete commands, options, clusters, ids of runs and backups')
    .addArgument(new Argument('<shell>', 'whose').choices(Object.keys(scripts)))
    .addHelpText(
      'after',
      `
Put it where the shell looks for it, or read it in the shell's start file.

Examples:
  pgdrill completion bash > ~/.local/share/bash-completion/completions/pgdrill
  pgdrill completion zsh > "\${fpath[1]}/_pgdrill"
  pgdrill completion fish > ~/.config/fish/completions/pgdrill.fish`,
    )
    .action((shell: Shell, _options: unknown, command: Command) => {
      if (globalOptions(command).json === true) printJson({ shell, script: scripts[shell] });
      else print(scripts[shell]);
      exit(0);
    });

  program
    .command('complete', { hidden: true })
    .description('what could be typed next; the scripts of `pgdrill completion` ask this')
    .argument('[words...]', 'all behind `pgdrill`, behind --')
    .action(async (words: string[]) => {
      const found = await complete(program, words, lookUp);
      print(found === 'files' ? ':files' : found.map(({ word, description }) => `${word}\t${description}`).join('\n'));
      exit(0);
    });
}
