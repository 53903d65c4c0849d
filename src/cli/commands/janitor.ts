import type { Command } from 'commander';

import type { Runner } from './runner.js';

/** `pgdrill janitor [--dry-run]`: what is left over on this host, and away with it. Workers do the same on a schedule. */
export function addJanitor(program: Command, run: Runner): void {
  program
    .command('janitor')
    .description('remove what killed or terminated runs left on this host: processes, sandboxes, half-done backups')
    .option('--dry-run', 'show what would be removed, and remove nothing')
    .option('--yes', 'do not ask')
    .option('--grace <duration>', 'leave alone what belongs to a run that ended less than this ago (default: 1m)')
    .option('--gone-host <name...>', 'a host that is gone for good: what was made there is removed, too')
    .addHelpText('after', '\nExamples:\n  pgdrill janitor --dry-run\n  pgdrill janitor --yes')
    .action(run(async () => (await import('../janitor.js')).janitor));
}
