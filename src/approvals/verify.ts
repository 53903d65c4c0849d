import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ConfigurationError } from '../errors.js';
import { exists } from '../files/durable.js';
import { reasonOf, sshKeygen } from '../process/ssh-keygen.js';
import { approvalNamespace, type Statement, textOf } from './statement.js';

/** The fingerprint of the key that signed, or why the signature does not count. */
export type Verified = { key: string; refused?: undefined } | { refused: string; key?: undefined };

/**
 * Whether a person whose key the allowed signers name has signed exactly this statement.
 *
 * @throws ConfigurationError where there is no such file, ToolchainError where there is no ssh-keygen.
 */
export async function verifyApproval(
  statement: Statement,
  signature: string,
  allowedSigners: string,
  signal?: AbortSignal,
): Promise<Verified> {
  if (!(await exists(allowedSigners))) {
    throw new ConfigurationError({
      what: `There is no allowed-signers file ${allowedSigners} (approvals.allowed_signers) on the worker's host.`,
      means: 'Nobody says whose signatures count, so no approval does.',
      todo: `Write it there, a line a key: NAME namespaces="${approvalNamespace}" ssh-ed25519 AAAA… Then approve again.`,
    });
  }
  const directory = await mkdtemp(join(tmpdir(), 'pgdrill-approval-'));
  const file = join(directory, 'approval.sig');
  try {
    await writeFile(file, signature, { mode: 0o600 });
    const { exitCode, stdout, stderr } = await sshKeygen(
      ['verify', '-f', allowedSigners, '-I', statement.by, '-n', approvalNamespace, '-s', file],
      textOf(statement),
      signal,
    );
    const key = /SHA256:\S+/.exec(stdout)?.[0];
    if (exitCode === 0 && key !== undefined) return { key };
    return {
      refused: `The signature is not one that ${statement.by} may approve this with: ${reasonOf(`${stdout}\n${stderr}`)}.`,
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
