import { userInfo } from 'node:os';

import { type Command, Option } from 'commander';

import { decide } from '../client/decide.js';
import type { ExitCode } from '../errors.js';
import { type AnswerableGate, answerableGateSchema } from '../schema/workflow-inputs.js';
import { globalOptions, loadFor, withTemporal } from './context.js';
import { printJson, say } from './terminal.js';

/** `pgdrill approve|reject DRILL`: answer at a gate. */
export function addDecide(program: Command, exit: (code: ExitCode) => void): void {
  for (const decision of ['approve', 'reject'] as const) {
    program
      .command(decision)
      .description(
        decision === 'approve'
          ? 'let a drill or recovery pass its gate'
          : 'stop a drill or recovery at its gate; it cleans up',
      )
      .argument('<id>', 'the workflow id')
      .addOption(new Option('--gate <gate>', 'default: the one that waits').choices(answerableGateSchema.options))
      .option('--by <name>', 'who decides', userInfo().username)
      .option('--reason <text>', 'why', '')
      .addHelpText(
        'after',
        `\nExample:\n  pgdrill ${decision} drill-shop-2026-11-22-0200 --reason "checked the replay position"`,
      )
      .action(async (id: string, options: { gate?: AnswerableGate; by: string; reason: string }, command: Command) => {
        const loaded = await loadFor(command);
        await withTemporal(loaded, async (temporal) => {
          const gate = await decide(temporal, id, decision, options);
          say(`gate ${gate} of ${id}: ${decision === 'approve' ? 'approved' : 'rejected'} by ${options.by}`);
          if (globalOptions(command).json === true)
            printJson({ id, gate, decision, by: options.by, reason: options.reason });
        });
        exit(0);
      });
  }
}
