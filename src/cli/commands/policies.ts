import type { Command } from 'commander';

import type { Runner } from './runner.js';

/** `pgdrill policies …`: keeps Temporal's schedules in step with the configuration. */
export function addPolicies(program: Command, run: Runner): void {
  const policies = program
    .command('policies')
    .description('backups, drills and sabotage drills on a schedule: bring them to Temporal, and see how they stand');

  policies
    .command('plan')
    .description('show how Temporal’s schedules differ from the configuration; changes nothing')
    .argument('[cluster]', 'only this one’s')
    .addHelpText('after', '\nExample:\n  pgdrill policies plan')
    .action(run(async () => (await import('../policies.js')).plan));

  policies
    .command('apply')
    .description('make Temporal’s schedules what the configuration says, showing the difference first')
    .argument('[cluster]', 'only this one’s')
    .option('--yes', 'do not ask before removing, or before setting back what somebody changed in Temporal')
    .option('--dry-run', 'show the difference, and change nothing')
    .addHelpText('after', '\nExample:\n  pgdrill policies apply')
    .action(run(async () => (await import('../policies.js')).apply));

  policies
    .command('list')
    .description('when each schedule runs next, how its last run ended, and why it is paused')
    .argument('[cluster]', 'only this one’s')
    .addHelpText('after', '\nExample:\n  pgdrill policies list shop')
    .action(run(async () => (await import('../policies.js')).list));

  for (const [verb, description] of [
    ['pause', 'stop a schedule from starting runs, until it is resumed'],
    ['resume', 'let a paused schedule go on'],
  ] as const) {
    policies
      .command(verb)
      .description(description)
      .argument('<cluster>', 'a cluster of the configuration')
      .argument('<name>', 'the policy; or drill/NAME, sabotage, …')
      .option('--reason <text>', 'why; it is shown by `policies list` and in the Web UI', '')
      .addHelpText('after', `\nExample:\n  pgdrill policies ${verb} shop daily_full --reason "storage is being moved"`)
      .action(run(async () => (await import('../policies.js'))[verb]));
  }

  policies
    .command('run')
    .description('start one schedule’s run now, also where it is paused')
    .argument('<cluster>', 'a cluster of the configuration')
    .argument('<name>', 'the policy; or drill/NAME, sabotage, …')
    .addHelpText('after', '\nExample:\n  pgdrill policies run shop daily_full')
    .action(run(async () => (await import('../policies.js')).runNow));
}
