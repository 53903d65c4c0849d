import type { Command } from 'commander';

import { clusterOf } from '../configuration/cluster.js';
import { type ExitCode, exitCodes } from '../errors.js';
import { readHead, readLinks } from '../report/chain/links.js';
import { readSignatures, type Signature, signatureProblems } from '../report/chain/signatures.js';
import { type ChainReport, verifyChain } from '../report/chain/verify.js';
import { openRepository, type Repository } from '../repository/repository.js';
import { moment } from '../schema/figures.js';
import { loadFor } from './context.js';
import { globalOptions } from './global-options.js';
import { colors, print, printJson } from './terminal.js';

type Report = ChainReport & {
  cluster: string;
  /** Of the chain, oldest first; absent where nobody said whose signatures count. */
  signatures?: Signature[];
};

export async function verifyEvidence(
  name: string | undefined,
  options: { allowedSigners?: string },
  command: Command,
): Promise<ExitCode> {
  const loaded = await loadFor(command);
  const allowedSigners = options.allowedSigners ?? loaded.configuration.evidence.allowed_signers;
  const reports: Report[] = [];
  for (const cluster of name === undefined ? Object.keys(loaded.configuration.clusters) : [name])
    reports.push(await verify(cluster, await openRepository(clusterOf(loaded, cluster)), allowedSigners));
  if (globalOptions(command).json === true) printJson(reports);
  else print(reports.map(render).join('\n\n'));
  return reports.some(({ problems }) => problems.length > 0) ? exitCodes.failed : exitCodes.done;
}

async function verify(cluster: string, repository: Repository, allowedSigners: string | undefined): Promise<Report> {
  const report = verifyChain(await readLinks(repository), await readHead(repository));
  if (allowedSigners === undefined) return { cluster, ...report };
  const signatures = await readSignatures(repository, report.chain, allowedSigners);
  return { cluster, ...report, signatures, problems: [...report.problems, ...signatureProblems(signatures)] };
}

function render({ cluster, chain, before, problems, head, signatures }: Report): string {
  const lines = [colors.bold(`Evidence of ${cluster}`)];
  if (before.length > 0)
    lines.push(`  ${before.length} without a digest, of an earlier pgdrill: nothing can be said of them.`);
  lines.push(
    chain[0] === undefined
      ? '  The digest chain has not begun: the next drill begins it.'
      : `  ${chain.length} in the digest chain, which begins with ${chain[0].id} (${moment(chain[0].finishedAt)}).`,
  );
  lines.push(...renderSignatures(signatures));
  for (const { id, what, message } of problems) lines.push(`  ${colors.red(what)}  ${id}: ${message}`);
  if (problems.length === 0 && chain.length > 0)
    lines.push(`  ${colors.green('intact')}: nothing was changed, removed or inserted.`);
  if (head !== undefined) lines.push(`  Newest: ${head.id}, SHA-256 ${head.sha256}`);
  return lines.join('\n');
}

function renderSignatures(signatures: readonly Signature[] | undefined): string[] {
  if (signatures === undefined)
    return ['  Signatures were not judged: nobody said whose count (--allowed-signers, evidence.allowed_signers).'];
  const counts = new Map<string, number>();
  for (const { status, by, key } of signatures) {
    const signer = `${by ?? '?'} (${key ?? '?'})`;
    if (status === 'signed') counts.set(signer, (counts.get(signer) ?? 0) + 1);
  }
  const first = signatures.findIndex(({ status }) => status !== 'unsigned');
  const lines = [...counts].map(([signer, count]) => `  ${count} signed by ${signer}.`);
  if (first > 0 && counts.size > 0)
    lines.push(`  ${first} from before signing began: the signatures after them cover their digests.`);
  return lines;
}
