import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { UsageError } from '../../errors.js';
import { exists } from '../../files/durable.js';
import { sshKeygen } from '../../process/ssh-keygen.js';
import { keys, type Repository } from '../../repository/repository.js';
import { parseLink } from './links.js';
import { signatureNamespace } from './signature-namespace.js';
import type { ChainProblem, ChainReport } from './verify.js';

/**
 * What the signature of one evidence is worth: `signed` by somebody who is allowed to; by an `unknown-signer` whose signature fits the
 * content; `forged`: there is one, but it is not of this content; `unsigned`: there is none.
 */
export interface Signature {
  id: string;
  status: 'signed' | 'unknown-signer' | 'forged' | 'unsigned';
  /** Who, as the allowed-signers file names him. */
  by?: string;
  /** The fingerprint of the key whose signature fits. */
  key?: string;
  /** What ssh-keygen says against it. */
  reason?: string;
}

/**
 * Judges the signature of every evidence in the chain.
 *
 * @param allowedSigners path of an `allowed_signers` file. A key counts where it was valid when the evidence says that it ended.
 * @throws UsageError where there is no such file, ToolchainError where there is no ssh-keygen.
 */
export async function readSignatures(
  { storage }: Repository,
  chain: ChainReport['chain'],
  allowedSigners: string,
): Promise<Signature[]> {
  if (!(await exists(allowedSigners))) {
    throw new UsageError({
      what: `There is no allowed-signers file ${allowedSigners}.`,
      means: 'Nobody says whose signatures count, so none was judged.',
      todo: 'Write one, a line a key: NAME namespaces="pgdrill-evidence" ssh-ed25519 AAAA… (docs/evidence.md).',
    });
  }
  const directory = await mkdtemp(join(tmpdir(), 'pgdrill-signatures-'));
  const file = join(directory, 'evidence.json.sig');
  try {
    const signatures: Signature[] = [];
    for (const { id, finishedAt, sha256 } of chain) {
      const text = await storage.readText(keys.evidenceFile(id));
      const armoured = await storage.readText(keys.signature(id));
      if (armoured === undefined || text === undefined) {
        signatures.push({ id, status: 'unsigned' });
        continue;
      }
      await writeFile(file, armoured, { mode: 0o600 });
      const judged = await judge({ text, file, allowedSigners, at: finishedAt });
      // The bytes that were signed have to be those that the chain was walked over.
      const link = parseLink(id, text);
      const same = 'digest' in link && link.digest === sha256;
      signatures.push({ id, ...(same ? judged : { status: 'forged', reason: 'the evidence was changed' }) });
    }
    return signatures;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function judge({
  text,
  file,
  allowedSigners,
  at,
}: {
  text: string;
  file: string;
  allowedSigners: string;
  at: string;
}): Promise<Omit<Signature, 'id'>> {
  const what = ['-n', signatureNamespace, '-s', file];
  const fits = await sshKeygen(['check-novalidate', ...what], text);
  if (fits.exitCode !== 0) return { status: 'forged', reason: lastLine(fits.stderr) };
  const key = /SHA256:\S+/.exec(fits.stdout)?.[0];
  const named = key === undefined ? {} : { key };
  // YYYYMMDDHHMMSS, in UTC as ssh-keygen's own time is here.
  const when = ['-O', `verify-time=${at.replaceAll(/\D/g, '').slice(0, 14)}`, '-f', allowedSigners];
  const found = await sshKeygen(['find-principals', ...when, '-s', file], '');
  const by = found.stdout.split('\n')[0]?.trim() ?? '';
  if (found.exitCode !== 0 || by === '') return { status: 'unknown-signer', ...named, reason: lastLine(found.stderr) };
  const allowed = await sshKeygen(['verify', ...when, '-I', by, ...what], text);
  return allowed.exitCode === 0
    ? { status: 'signed', by, ...named }
    : { status: 'unknown-signer', ...named, reason: `${by}: ${lastLine(allowed.stderr)}` };
}

const lastLine = (text: string): string => text.split('\n').at(-1)?.trim() ?? '';

/**
 * What of the signatures is a problem. Evidence from before the first signed one is not: signing began later, and each signature is over
 * the digest of all that came before. Where nothing is signed, the newest should be.
 *
 * @param signatures oldest first, as the chain is.
 */
export function signatureProblems(signatures: readonly Signature[]): ChainProblem[] {
  const begun = signatures.findIndex(({ status }) => status !== 'unsigned');
  return signatures.flatMap(({ id, status, key, reason }, index): ChainProblem[] => {
    const because = reason === undefined || reason === '' ? '' : ` (${reason})`;
    switch (status) {
      case 'signed':
        return [];
      case 'forged':
        return [{ id, what: 'forged', message: `Its signature is not of this content${because}.` }];
      case 'unknown-signer':
        return [
          {
            id,
            what: 'unknown signer',
            message: `Key ${key ?? '?'} signed it, which the allowed signers do not accept${because}.`,
          },
        ];
      case 'unsigned': {
        if (begun === -1 ? index < signatures.length - 1 : index < begun) return [];
        const message =
          begun === -1
            ? 'It is the newest, and neither it nor any other is signed.'
            : 'It is not signed, though signing had begun before: the signature was removed, or the worker had no key.';
        return [{ id, what: 'unsigned', message }];
      }
    }
  });
}
