import { execa } from 'execa';

import { codeOf, ToolchainError } from '../errors.js';

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
        means: 'Nothing can be signed, and no signature be checked.',
        todo: 'Install OpenSSH’s client: package openssh-client (Debian, Ubuntu), openssh (RHEL, Fedora: also openssh-clients), openssh-keygen (Alpine).',
      },
      { cause: result },
    );
  }
  const { exitCode, stdout, stderr, timedOut } = result;
  return { exitCode, stdout, stderr: timedOut ? `no answer within ${patienceMs / 1_000} s` : stderr.trim() };
}

/** Why it refused, in one line: it draws a box around a key that others may read. */
export function reasonOf(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.replaceAll('@', '').trim());
  const words = lines.filter((line) => line !== '' && line !== 'Signing data on standard input');
  return words.join(' ') || 'ssh-keygen gave no reason';
}
