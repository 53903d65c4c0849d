import type { Command } from 'commander';

import { readVerificationResult } from '../client/failures.js';
import { clusterOf } from '../configuration/cluster.js';
import { type ExitCode, exitCodes, UsageError } from '../errors.js';
import { openRepository } from '../repository/repository.js';
import type { VerificationResult } from '../schema/verification.js';
import { acknowledge, withdraw } from '../verify/acknowledge.js';
import { loadFor } from './context.js';
import { globalOptions } from './global-options.js';
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

export async function verifyRepository(cluster: string, options: VerifyOptions, command: Command): Promise<ExitCode> {
  const loaded = await loadFor(command);
  clusterOf(loaded, cluster);
  return await runWorkflow<'verifyRepository', VerificationResult>(loaded, {
    kind: 'verifyRepository',
    input: { cluster },
    ...options,
    asJson: globalOptions(command).json === true,
    render: renderVerification,
    found: { type: 'RepositoryFindings', in: readVerificationResult },
  });
}

export async function acknowledgeFinding(
  cluster: string,
  finding: string,
  options: AcknowledgeOptions,
  command: Command,
): Promise<ExitCode> {
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
  return exitCodes.done;
}

function withoutReason(): UsageError {
  return new UsageError({
    what: 'An accepted loss needs a reason.',
    means: 'Nothing was acknowledged.',
    todo: 'Say why with --reason "…": whoever restores from here will ask.',
  });
}
