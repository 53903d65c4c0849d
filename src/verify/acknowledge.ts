import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';

import { UsageError } from '../errors.js';
import { didYouMean } from '../schema/closest.js';
import { fsyncPath } from '../files/durable.js';
import type { Repository } from '../repository/repository.js';
import { type Acknowledgement, acknowledgementSchema, type RepositoryFinding } from '../schema/verification.js';
import { listVerifications } from './reports.js';

const folder = 'acknowledged';

/** Ids may hold anything that a file's name may: they are not used as one. */
function keyOf(finding: string): string {
  return `${folder}/${createHash('sha256').update(finding).digest('hex').slice(0, 16)}.json`;
}

/** The accepted losses of a repository, by finding. A damaged one accepts nothing. */
export async function listAcknowledgements({ storage }: Repository): Promise<Map<string, Acknowledgement>> {
  const all = new Map<string, Acknowledgement>();
  for (const name of await storage.list(folder)) {
    const parsed = acknowledgementSchema.safeParse(readJson(await storage.readText(`${folder}/${name}`)));
    if (parsed.success) all.set(parsed.data.finding, parsed.data);
  }
  return all;
}

/** Findings as they are shown: those that somebody accepted say so. */
export async function withAcknowledgements(
  repository: Repository,
  findings: readonly RepositoryFinding[],
): Promise<RepositoryFinding[]> {
  const accepted = await listAcknowledgements(repository);
  return findings.map((finding) => {
    const known = accepted.get(finding.id);
    return known === undefined
      ? finding
      : { ...finding, acknowledged: { by: known.by, at: known.at, reason: known.reason } };
  });
}

/**
 * Accepts a finding of the newest verification for good.
 *
 * @throws UsageError where that found no such thing, or no reason is given.
 */
export async function acknowledge(
  repository: Repository,
  finding: string,
  who: { by: string; reason: string },
): Promise<Acknowledgement> {
  if (who.reason.trim() === '' || who.by.trim() === '') {
    throw new UsageError({
      what: 'An accepted loss needs a reason, and somebody who accepts it.',
      means: 'Nothing was acknowledged.',
      todo: 'Say why with --reason "…": whoever restores from here will ask.',
    });
  }
  const newest = (await listVerifications(repository)).at(-1);
  const found = (newest?.findings ?? []).filter(({ level }) => level !== 'note');
  if (!found.some(({ id }) => id === finding)) {
    throw new UsageError({
      what: `The newest verification of ${repository.cluster} has no finding "${finding}".${didYouMean(
        finding,
        found.map(({ id }) => id),
      )}`,
      means:
        newest === undefined
          ? 'It was never verified.'
          : `${newest.id} found: ${found.map(({ id }) => id).join(', ') || 'nothing'}.`,
      todo: `Verify it (pgdrill repo verify ${repository.cluster}) and name one of its findings.`,
    });
  }
  const acknowledgement: Acknowledgement = { formatVersion: 1, finding, at: new Date().toISOString(), ...who };
  await repository.storage.writeText(keyOf(finding), `${JSON.stringify(acknowledgement, null, 2)}\n`);
  return acknowledgement;
}

/** Takes an acknowledgement back. @throws UsageError where there is none. */
export async function withdraw(repository: Repository, finding: string): Promise<void> {
  const accepted = await listAcknowledgements(repository);
  if (!accepted.has(finding)) {
    throw new UsageError({
      what: `"${finding}" was never acknowledged for ${repository.cluster}.${didYouMean(finding, accepted.keys())}`,
      means: `Acknowledged are: ${[...accepted.keys()].join(', ') || 'none'}.`,
      todo: 'Name one of them.',
    });
  }
  await rm(repository.storage.pathOf(keyOf(finding)), { force: true });
  await fsyncPath(repository.storage.pathOf(folder));
}

function readJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
