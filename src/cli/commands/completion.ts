import { Argument, type Command } from 'commander';

import type { Runner } from './runner.js';

/** `pgdrill completion SHELL`: what a shell needs to complete commands, options, clusters, runs and backups. */
export function addCompletion(program: Command, run: Runner): void {
  program
    .command('completion')
    .description('print what a shell needs to complete commands, options, clusters, ids of runs and backups')
    .addArgument(new Argument('<shell>', 'whose').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
Put it where the shell looks for it, or read it in the shell's start file.

Examples:
  pgdrill completion bash > ~/.local/share/bash-completion/completions/pgdrill
  pgdrill completion zsh > "\${fpath[1]}/_pgdrill"
  pgdrill completion fish > ~/.config/fish/completions/pgdrill.fish`,
    )
    .action(run(async () => (await import('../completion.js')).printScript));

  program
    .command('complete', { hidden: true })
    .description('what could be typed next; the scripts of `pgdrill completion` ask this')
    .argument('[words...]', 'all behind `pgdrill`, behind --')
    .action(run(async () => (await import('../completion.js')).printCompletions));
}
