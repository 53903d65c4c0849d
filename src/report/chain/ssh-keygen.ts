import { execa } from 'execa';

import { codeOf, ToolchainError } from '../../errors.js';

/** What a signature is for, signed with the content: one that the same key made for another purpose (Git, a file) does not count here. */
export const signatureNamespace = 'pgdrill-evidence';

/** It takes milliseconds; an agent or a hardware key may ask somebody. */
const patienceMs = 30_000;

/**
 * Runs `ssh-keygen -Y …` (ssh-keygen(1)) as our own user, whose files the keys are. Without a terminal, so that a key with a passphrase is
 * refused at once and not asked for where nobody looks.
 *
 * @throws ToolchainError where there is no ssh-keygen.
 */
export async function sshKeygen(
  args: readonly string[],
  input: string,
  signal?: AbortSignal,
): Promise<{ exitCode: number | undefined; stdout: string; stderr: string }> {
  const result = await execa('ssh-keygen', ['-Y', ...args], {
    input,
    reject: false,
    stripFinalNewline: false,
    detached: true,
    env: { LC_ALL: 'C', TZ: 'UTC', SSH_ASKPASS_REQUIRE: 'never' },
    timeout: patienceMs,
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  signal?.throwIfAborted();
  if (codeOf(result) === 'ENOENT') {
    throw new ToolchainError(
      {
        what: 'There is no ssh-keygen on PATH.',
        means: 'Evidence can neither be signed nor its signatures checked.',
        todo: 'Install OpenSSH’s client: package openssh-client (Debian, Ubuntu), openssh (RHEL, Fedora: also openssh-clients), openssh-keygen (Alpine).',
      },
      { cause: result },
    );
  }
  const { exitCode, stdout, stderr, timedOut } = result;
  return { exitCode, stdout, stderr: timedOut ? `no answer within ${patienceMs / 1_000} s` : stderr.trim() };
}
