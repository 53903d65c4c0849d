import { userInfo } from 'node:os';

import { type Command, Option } from 'commander';

import { readVerificationResult } from '../client/failures.js';
import { clusterOf } from '../configuration/cluster.js';
import { type ExitCode, exitCodes, UsageError } from '../errors.js';
import { openRepository } from '../repository/repository.js';
import type { VerificationResult } from '../schema/verification.js';
import { acknowledge, withdraw } from '../verify/acknowledge.js';
import { globalOptions, loadFor } from './context.js';
import { renderVerification } from './render-verification.js';
import { runWorkflow } from './run-workflow.js';
import { print, printJson } from './terminal.js';

interface VerifyOptions {
  id?: string;
  detach?: boolean;
}

interface AcknowledgeOptions {
  reason?: string;
  by: string;
  withdraw?: boolean;
}

/** `pgdrill repo …`: the repository itself. */
export function addRepo(program: Command, exit: (code: ExitCode) => void): void {
  const repo = program.command('repo').description('look after the repository itself');
  repo
    .command('verify')
    .description('walk the whole repository: WAL gaps and damage, every backup’s files, timelines, evidence')
    .argument('<cluster>', 'a cluster of the configuration')
    .option('--id <id>', 'the workflow id (default: verify-repository-CLUSTER-TIME)')
    .option('--detach', 'start it and return at once')
    .addHelpText(
      'after',
      '\nExit code 1 where something was found that is not acknowledged.\n\nExample:\n  pgdrill repo verify shop',
    )
    .action(async (cluster: string, options: VerifyOptions, command: Command) => {
      const loaded = await loadFor(command);
      clusterOf(loaded, cluster);
      exit(
        await runWorkflow<'verifyRepository', VerificationResult>(loaded, {
          kind: 'verifyRepository',
          input: { cluster },
          ...options,
          asJson: globalOptions(command).json === true,
          render: renderVerification,
          found: { type: 'RepositoryFindings', in: readVerificationResult },
        }),
      );
    });
  repo
    .command('acknowledge')
    .description('accept a finding of the newest verification: it is shown from then on and fails nothing')
    .argument('<cluster>', 'a cluster of the configuration')
    .argument('<finding>', 'its id, as repo verify shows it')
    .option('--reason <text>', 'why this loss is accepted')
    .addOption(new Option('--by <name>', 'who accepts it').default(userInfo().username, 'your user name'))
    .option('--withdraw', 'take an earlier acknowledgement back')
    .addHelpText(
      'after',
      '\nExample:\n  pgdrill repo acknowledge shop wal-gap/0000000100000000000000A3 --reason "disk lost on 3 May, full backup taken after"',
    )
    .action(async (cluster: string, finding: string, options: AcknowledgeOptions, command: Command) => {
      const repository = await openRepository(clusterOf(await loadFor(command), cluster));
      const asJson = globalOptions(command).json === true;
      if (options.withdraw === true) {
        await withdraw(repository, finding);
        if (asJson) printJson({ finding, acknowledged: false });
        else print(`${finding} is not acknowledged any more.`);
      } else {
        if (options.reason === undefined) throw withoutReason();
        const kept = await acknowledge(repository, finding, { by: options.by, reason: options.reason });
        if (asJson) printJson(kept);
        else print(`${finding} is acknowledged by ${kept.by}: ${kept.reason}`);
      }
      exit(exitCodes.done);
    });
}

function withoutReason(): UsageError {
  return new UsageError({
    what: 'An accepted loss needs a reason.',
    means: 'Nothing was acknowledged.',
    todo: 'Say why with --reason "…": whoever restores from here will ask.',
  });
}
