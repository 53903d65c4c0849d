import type { Command } from 'commander';

import { newestEvidence, withCatalog } from '../catalog/catalog.js';
import { clusterOf } from '../configuration/cluster.js';
import type { LoadedConfiguration } from '../configuration/load.js';
import { type ExitCode, exitCodes, messageOf } from '../errors.js';
import { type KnownHead, lostHeads, noteHead, readKnownHeads } from '../report/chain/known-heads.js';
import { readHead, readLinks } from '../report/chain/links.js';
import { readSignatures, type Signature, signatureProblems } from '../report/chain/signatures.js';
import { type ChainReport, verifyChain } from '../report/chain/verify.js';
import { openRepository, type Repository } from '../repository/repository.js';
import { moment } from '../schema/figures.js';
import { catalogUrlFor, loadFor } from './context.js';
import { globalOptions } from './global-options.js';
import { colors, print, printJson } from './terminal.js';

type Report = ChainReport & {
  cluster: string;
  /** Of the chain, oldest first; absent where nobody said whose signatures count. */
  signatures?: Signature[];
  /** Heads that are known outside the repository, and were compared. */
  known: KnownHead[];
  /** Why others were not, as sentences. */
  notCompared: string[];
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
    reports.push(await verify(loaded, cluster, allowedSigners));
  if (globalOptions(command).json === true) printJson(reports);
  else print(reports.map(render).join('\n\n'));
  return reports.some(({ problems }) => problems.length > 0) ? exitCodes.failed : exitCodes.done;
}

async function verify(
  loaded: LoadedConfiguration,
  cluster: string,
  allowedSigners: string | undefined,
): Promise<Report> {
  const repository = await openRepository(clusterOf(loaded, cluster));
  // First what is known elsewhere: a drill may add to the chain meanwhile.
  const { known, notCompared } = await knownElsewhere(loaded, repository);
  const report = verifyChain(await readLinks(repository), await readHead(repository));
  const signatures = allowedSigners === undefined ? [] : await readSignatures(repository, report.chain, allowedSigners);
  // One that is missing in the middle is told already.
  const lost = lostHeads(report.chain, known).filter(({ id }) => !report.problems.some((each) => each.id === id));
  const problems = [
    ...report.problems,
    ...lost,
    ...(allowedSigners === undefined ? [] : signatureProblems(signatures)),
  ];
  if (problems.length === 0)
    await noteHead(loaded.stateDirectory, repository, report).catch((error: unknown) => {
      notCompared.push(`This head could not be noted for the next time: ${firstLine(error)}`);
    });
  return {
    cluster,
    ...report,
    ...(allowedSigners === undefined ? {} : { signatures }),
    ...{ problems, known, notCompared },
  };
}

/** What the catalog and this host's state directory know. */
async function knownElsewhere(
  loaded: LoadedConfiguration,
  repository: Repository,
): Promise<Pick<Report, 'known' | 'notCompared'>> {
  const [known, notCompared]: [KnownHead[], string[]] = [[], []];
  try {
    known.push(...(await readKnownHeads(loaded.stateDirectory, repository)));
  } catch (error) {
    notCompared.push(`What this host has noted could not be read: ${firstLine(error)}`);
  }
  const url = await catalogUrlFor(loaded);
  if (url === undefined) return { known, notCompared };
  try {
    const { cluster, path: repositoryPath } = repository;
    const newest = await withCatalog(url, (client) => newestEvidence(client, { cluster, repositoryPath }));
    if (newest !== undefined) known.push({ ...newest, by: 'The catalog' });
  } catch (error) {
    notCompared.push(`The catalog could not be asked: ${firstLine(error)}`);
  }
  return { known, notCompared };
}

function firstLine(error: unknown): string {
  return messageOf(error).split('\n')[0] ?? '';
}

function render({ cluster, chain, before, problems, head, signatures, known, notCompared }: Report): string {
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
  for (const { id, by } of known)
    if (!problems.some((each) => each.id === id)) lines.push(`  ${by} knows ${id}, which is in the chain.`);
  for (const why of notCompared) lines.push(`  ${colors.yellow('not compared')}  ${why}`);
  if (known.length === 0 && chain.length > 0)
    lines.push(
      `  ${colors.yellow('not compared')}  Nobody outside the repository knows a head: had it been set back to an older one, this would not show.`,
    );
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
