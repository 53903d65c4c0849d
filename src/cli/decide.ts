import { userInfo } from 'node:os';

import { type Command, Option } from 'commander';

import { type Decided, decide, extend, retarget } from '../client/decide.js';
import type { Temporal } from '../client/temporal.js';
import type { ExitCode } from '../errors.js';
import { type AnswerableGate, answerableGateSchema } from '../schema/workflow-inputs.js';
import { recoveryTargetForms } from '../schema/target.js';
import { globalOptions, loadFor, withTemporal } from './context.js';
import { printJson, say } from './terminal.js';

interface AnswerOptions {
  gate?: AnswerableGate;
  by: string;
  reason: string;
}

/** `pgdrill approve|reject|extend ID`: answer at a gate. */
export function addDecide(program: Command, exit: (code: ExitCode) => void): void {
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
    .action(async (id: string, options: AnswerOptions & { seen?: string; sign?: string }, command: Command) => {
      await answer(command, id, 'approve', options, (temporal) => decide(temporal, id, 'approve', options));
      exit(0);
    });
  answering(program, 'reject', 'stop a drill or recovery at its gate; it cleans up')
    .option('--seen <digest>', 'the evidence that you looked at (status shows it): refused when it has changed since')
    .addHelpText('after', '\nExample:\n  pgdrill reject drill-shop-2026-11-22-0200 --reason "wrong night"')
    .action(async (id: string, options: AnswerOptions & { seen?: string }, command: Command) => {
      await answer(command, id, 'reject', options, (temporal) => decide(temporal, id, 'reject', options));
      exit(0);
    });
  answering(program, 'extend', 'let a gate wait longer')
    .requiredOption('--for <duration>', 'how much longer, such as 2h')
    .addHelpText(
      'after',
      '\nExample:\n  pgdrill extend drill-shop-2026-11-22-0200 --for 2h --reason "Grace is on her way"',
    )
    .action(async (id: string, options: AnswerOptions & { for: string }, command: Command) => {
      await answer(command, id, 'extend', options, (temporal) => extend(temporal, id, options));
      exit(0);
    });
}

/** `pgdrill retarget ID --target …`: go on from where a restored server is paused. */
export function addRetarget(program: Command, exit: (code: ExitCode) => void): void {
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
    .action(async (id: string, options: AnswerOptions & { target: string }, command: Command) => {
      await answer(command, id, 'retarget', options, (temporal) => retarget(temporal, id, options));
      exit(0);
    });
}

function answering(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .argument('<id>', 'the workflow id')
    .addOption(new Option('--gate <gate>', 'default: the one that waits').choices(answerableGateSchema.options))
    .addOption(new Option('--by <name>', 'who decides').default(userInfo().username, 'your user name'))
    .option('--reason <text>', 'why', '');
}

async function answer(
  command: Command,
  id: string,
  decision: string,
  { by, reason }: AnswerOptions,
  give: (temporal: Temporal) => Promise<Decided>,
): Promise<void> {
  await withTemporal(await loadFor(command), async (temporal) => {
    const { gate, question, answer: words } = await give(temporal);
    if (question !== '') say(question);
    say(`${id}: ${words}`);
    if (globalOptions(command).json === true) printJson({ id, gate, decision, by, reason, answer: words });
  });
}
