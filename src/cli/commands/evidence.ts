import type { Command } from 'commander';

import type { Runner } from './runner.js';

/** `pgdrill evidence verify [CLUSTER]`: was evidence changed, removed or inserted, and who signed it? It needs neither Temporal nor the source. */
export function addEvidence(program: Command, run: Runner): void {
  const evidence = program.command('evidence').description('check the evidence in the repository');
  evidence
    .command('verify')
    .description(
      'walk the digest chain: which evidence was changed, removed, inserted, or signed by nobody known (exit code 1)',
    )
    .argument('[cluster]', 'a cluster of the configuration (default: all)')
    .option(
      '--allowed-signers <file>',
      'whose signatures count (default: evidence.allowed_signers of the configuration)',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  pgdrill evidence verify shop\n  pgdrill evidence verify shop --allowed-signers /etc/pgdrill/allowed_signers',
    )
    .action(run(async () => (await import('../evidence.js')).verifyEvidence));
}
