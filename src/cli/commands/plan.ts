import type { Command } from 'commander';

import { recoveryTargetForms } from '../../schema/vocabulary.js';
import type { Runner } from './runner.js';

/** `pgdrill plan CLUSTER`: how a restore would go, and what can be restored at all. It reads the repository and changes nothing. */
export function addPlan(program: Command, run: Runner): void {
  program
    .command('plan')
    .description(
      'show the chain, the WAL and the time that a restore would take, and which targets there are; does nothing',
    )
    .argument('<cluster>', 'a cluster of the configuration')
    .option('--target <target>', `where recovery would stop: ${recoveryTargetForms}`, 'latest')
    .addHelpText('after', "\nExample:\n  pgdrill plan shop --target 'time=2026-11-22 02:00:00+00'")
    .action(run(async () => (await import('../plan.js')).plan));
}
