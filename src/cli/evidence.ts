import type { Command } from 'commander';

import { clusterOf } from '../configuration/cluster.js';
import { type ExitCode, exitCodes } from '../errors.js';
import { readHead, readLinks } from '../report/chain/links.js';
import { type ChainReport, verifyChain } from '../report/chain/verify.js';
import { openRepository } from '../repository/repository.js';
import { globalOptions, loadFor } from './context.js';
import { colors, print, printJson } from './terminal.js';

/** `pgdrill evidence verify [CLUSTER]`: was evidence changed, removed or inserted? It needs neither Temporal nor the source. */
export function addEvidence(program: Command, exit: (code: ExitCode) => void): void {
  const evidence = program.command('evidence').description('check the evidence in the repository');
  evidence
    .command('verify')
    .exitOverride()
    .description('walk the digest chain: which evidence was changed, removed or inserted (exit code 1)')
    .argument('[cluster]', 'a cluster of the configuration (default: all)')
    .addHelpText('after', '\nExample:\n  pgdrill evidence verify shop')
    .action(async (name: string | undefined, _options: unknown, command: Command) => {
      const loaded = await loadFor(command);
      const reports: (ChainReport & { cluster: string })[] = [];
      for (const cluster of name === undefined ? Object.keys(loaded.configuration.clusters) : [name]) {
        const repository = await openRepository(clusterOf(loaded, cluster));
        reports.push({ cluster, ...verifyChain(await readLinks(repository), await readHead(repository)) });
      }
      if (globalOptions(command).json === true) printJson(reports);
      else print(reports.map(render).join('\n\n'));
      exit(reports.some(({ problems }) => problems.length > 0) ? exitCodes.failed : exitCodes.done);
    });
}

function render({ cluster, chain, before, problems, head }: ChainReport & { cluster: string }): string {
  const lines = [colors.bold(`Evidence of ${cluster}`)];
  if (before.length > 0)
    lines.push(`  ${before.length} without a digest, of an earlier pgdrill: nothing can be said of them.`);
  lines.push(
    chain[0] === undefined
      ? '  The digest chain has not begun: the next drill begins it.'
      : `  ${chain.length} in the digest chain, which begins with ${chain[0].id} (${chain[0].finishedAt}).`,
  );
  for (const { id, what, message } of problems) lines.push(`  ${colors.red(what)}  ${id}: ${message}`);
  if (problems.length === 0 && chain.length > 0)
    lines.push(`  ${colors.green('intact')}: nothing was changed, removed or inserted.`);
  if (head !== undefined) lines.push(`  Newest: ${head.id}, SHA-256 ${head.sha256}`);
  return lines.join('\n');
}
