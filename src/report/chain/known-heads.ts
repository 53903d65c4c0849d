import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { codeOf } from '../../errors.js';
import { makePrivateDirectory, writeFileDurably } from '../../files/durable.js';
import type { Repository } from '../../repository/repository.js';
import { type Named, namedSchema } from './links.js';
import type { ChainProblem, ChainReport } from './verify.js';

// A chain that was set back to an older head is whole, and signed: only who knows a later head sees it. So the newest one that was seen is
// kept outside the repository as well.

/** A head that is known from elsewhere than the repository. */
export interface KnownHead extends Named {
  /** Who knows it, in words. */
  by: string;
}

const keptSchema = z.object({ repository: z.string(), heads: z.array(namedSchema) });

/** One file a repository: another one of the same cluster has a chain of its own. */
function fileOf(stateDirectory: string, { cluster, path }: Repository): string {
  const digest = createHash('sha256').update(path).digest('hex').slice(0, 12);
  return join(stateDirectory, 'evidence-heads', `${cluster}-${digest}.json`);
}

/** The heads that were noted on this host. @throws where they are there and cannot be read. */
export async function readKnownHeads(stateDirectory: string, repository: Repository): Promise<KnownHead[]> {
  const file = fileOf(stateDirectory, repository);
  try {
    const { heads } = keptSchema.parse(JSON.parse(await readFile(file, 'utf8')));
    return heads.map((head) => ({ ...head, by: file }));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Notes the head of a chain. One that is known and no longer in the chain is kept: it must not be forgotten with the next drill. */
export async function noteHead(
  stateDirectory: string,
  repository: Repository,
  { chain, head }: Pick<ChainReport, 'chain' | 'head'>,
): Promise<void> {
  if (head === undefined) return;
  const lost = (await readKnownHeads(stateDirectory, repository)).filter((known) => !isIn(chain, known));
  const heads = [...lost.map(({ id, sha256 }) => ({ id, sha256 })), head];
  await makePrivateDirectory(join(stateDirectory, 'evidence-heads'));
  const kept = { repository: repository.path, heads };
  await writeFileDurably(fileOf(stateDirectory, repository), `${JSON.stringify(kept, null, 2)}\n`);
}

/** What of the known heads is not in the chain. */
export function lostHeads(chain: ChainReport['chain'], known: readonly KnownHead[]): ChainProblem[] {
  return known
    .filter((head) => !isIn(chain, head))
    .map(({ id, sha256, by }): ChainProblem => {
      const here = chain.find((link) => link.id === id);
      return here === undefined
        ? {
            id,
            what: 'rolled back',
            message: `${by} knows it (SHA-256 ${sha256}), but it is not in the chain here: it was removed and the head set back, or an older copy of the repository was put in its place.`,
          }
        : { id, what: 'changed', message: `${by} knows it with another digest (${sha256}): it was written anew.` };
    });
}

function isIn(chain: ChainReport['chain'], { id, sha256 }: Named): boolean {
  return chain.some((link) => link.id === id && link.sha256 === sha256);
}
