import type { Command } from 'commander';

import { type ExitCode, exitCodes } from '../errors.js';
import { complete, type Lookup } from './complete.js';
import { globalOptions } from './global-options.js';
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
  setopt localoptions extendedglob
  local reply line word text
  local -a found
  reply=$(pgdrill complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null) || return 1
  if [[ $reply == :files ]]; then
    compset -P '--[a-z-]#='
    _files
    return
  fi
  for line in "\${(@f)reply}"; do
    word=\${\${line%%$'\\t'*}//:/\\\\:} text=\${line#*$'\\t'}
    [[ -n $word ]] && found+=("$word\${text:+:$text}")
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
        set -l option (string match -r '^--[a-z-]+=' -- (commandline -ct))
        printf "$option%s\\n" (__fish_complete_path (string replace -- "$option" '' (commandline -ct)))
    else
        printf '%s\\n' $reply
    end
end
complete -c pgdrill -f -a '(__pgdrill_complete)'`,
};

export function printScript(shell: Shell, _options: unknown, command: Command): Promise<ExitCode> {
  if (globalOptions(command).json === true) printJson({ shell, script: scripts[shell] });
  else print(scripts[shell]);
  return Promise.resolve(exitCodes.done);
}

/** Prints what could be typed next. Nothing of what a look-up needs is loaded where none is needed. */
export async function printCompletions(words: string[], _options: unknown, command: Command): Promise<ExitCode> {
  const lookUp: Lookup = async (...asked) => await (await import('./look-up.js')).lookUp(...asked);
  const found = await complete(command.parent ?? command, words, lookUp);
  print(found === 'files' ? ':files' : found.map(({ word, description }) => `${word}\t${description}`).join('\n'));
  return exitCodes.done;
}
