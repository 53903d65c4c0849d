import { userInfo } from 'node:os';

import { type Command, Option } from 'commander';

import { answerableGates, recoveryTargetForms } from '../../schema/vocabulary.js';
import type { Runner } from './runner.js';

/** `pgdrill approve|reject|extend ID`: answer at a gate. */
export function addDecide(program: Command, run: Runner): void {
  answering(program, 'approve', 'let a drill or recovery pass its gate')
    .option('--seen <digest>', 'the evidence that you looked at (status shows it): refused when it has changed since')
    .option(
      '--sign <key>',
      'sign with this SSH key: a private key, or a public one that ssh-agent has the private half of',
    )
    .addHelpText(
      'after',
      '\nExample:\n  pgdrill approve drill-shop-2026-11-22-0200 --reason "checked the replay position"',
    )
    .action(run(async () => (await import('../decide.js')).approve));
  answering(program, 'reject', 'stop a drill or recovery at its gate; it cleans up')
    .option('--seen <digest>', 'the evidence that you looked at (status shows it): refused when it has changed since')
    .addHelpText('after', '\nExample:\n  pgdrill reject drill-shop-2026-11-22-0200 --reason "wrong night"')
    .action(run(async () => (await import('../decide.js')).reject));
  answering(program, 'extend', 'let a gate wait longer')
    .requiredOption('--for <duration>', 'how much longer, such as 2h')
    .addHelpText(
      'after',
      '\nExample:\n  pgdrill extend drill-shop-2026-11-22-0200 --for 2h --reason "Grace is on her way"',
    )
    .action(run(async () => (await import('../decide.js')).extendGate));
}

/** `pgdrill retarget ID --target …`: go on from where a restored server is paused. */
export function addRetarget(program: Command, run: Runner): void {
  program
    .command('retarget')
    .description('at gate promote: replay on to a later target, without restoring again')
    .argument('<id>', 'the workflow id')
    .requiredOption('--target <target>', `where to: ${recoveryTargetForms}`)
    .addOption(new Option('--by <name>', 'who decides').default(userInfo().username, 'your user name'))
    .option('--reason <text>', 'why', '')
    .addHelpText(
      'after',
      '\nExample:\n  pgdrill retarget drill-shop-2026-11-22-0200 --target "time=2026-11-22 02:10:00+00"',
    )
    .action(run(async () => (await import('../decide.js')).retargetRun));
}

function answering(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .argument('<id>', 'the workflow id')
    .addOption(new Option('--gate <gate>', 'default: the one that waits').choices(answerableGates))
    .addOption(new Option('--by <name>', 'who decides').default(userInfo().username, 'your user name'))
    .option('--reason <text>', 'why', '');
}
