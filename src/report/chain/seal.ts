import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { BusyError } from '../../errors.js';
import { withLockFile } from '../../process/lock-file.js';
import { keys, type Repository } from '../../repository/repository.js';
import { type Evidence, evidenceSchema } from '../../schema/evidence.js';
import { digestOf } from './digest.js';
import { forward, type Link, readHead, readLinks } from './links.js';

/** How long another drill's evidence is waited for; it takes milliseconds. */
const patienceMs = 30_000;

/**
 * Adds an evidence to the repository's digest chain and writes it. Two at once take turns under a lock, so that the chain does not fork.
 * A retry that finds the same run's sealed evidence returns it: what others build on is never written again.
 *
 * @param by.sign makes the signature of the file's text; undefined where it could not. It is written before the evidence, so that no crash
 *   leaves evidence without the signature that was made for it. What is found in the repository is never signed: another may have put it there.
 * @throws BusyError (retryable) when another holds the lock for longer than half a minute.
 */
export async function sealEvidence(
  repository: Repository,
  evidence: Evidence,
  by: {
    operation: string;
    attempt: number;
    signal: AbortSignal;
    sign?: (text: string) => Promise<string | undefined>;
  },
): Promise<Evidence> {
  const { storage } = repository;
  const key = keys.evidenceFile(evidence.id);
  return await patiently(by.signal, () =>
    withLockFile(
      join(repository.path, 'evidence.lock'),
      { operation: by.operation, attempt: by.attempt, guards: 'The evidence' },
      async (lock) => {
        const links = (await readLinks(repository)).filter((link): link is Link => 'digest' in link);
        const own = links.find(({ name }) => name === evidence.id);
        const head = forward(await readHead(repository), links);
        let sealed: Evidence;
        if (own !== undefined && own.sha256 === own.digest && own.runId === evidence.runId) {
          sealed = evidenceSchema.parse(JSON.parse((await storage.readText(key)) ?? ''));
        } else {
          const linked: Evidence = { ...evidence, ...(head === undefined ? {} : { previous: head }) };
          // Through JSON, as the digest will be read: what JSON leaves out (undefined) is not under it.
          const plain = JSON.parse(JSON.stringify(linked)) as Evidence;
          sealed = { ...plain, sha256: digestOf(plain) };
          const text = `${JSON.stringify(sealed, null, 2)}\n`;
          const signature = await by.sign?.(text);
          await lock.assertHeld();
          if (signature !== undefined) await storage.writeText(keys.signature(evidence.id), signature);
          await storage.writeText(key, text);
        }
        // `head` already names it where only the head was not written before a crash.
        const tip = forward(head, links.some(({ name }) => name === sealed.id) ? links : [...links, linkOf(sealed)]);
        if (tip !== undefined) await storage.writeText(keys.evidenceHead, `${JSON.stringify(tip, null, 2)}\n`);
        return sealed;
      },
    ),
  );
}

function linkOf(sealed: Evidence): Link {
  return { ...sealed, name: sealed.id, digest: sealed.sha256 ?? '' };
}

async function patiently<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (const until = performance.now() + patienceMs; ;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof BusyError) || performance.now() > until) throw error;
    }
    await sleep(50 + Math.random() * 100, undefined, { signal });
  }
}
