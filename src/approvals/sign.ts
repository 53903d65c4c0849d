import { UsageError } from '../errors.js';
import { reasonOf, sshKeygen } from '../process/ssh-keygen.js';
import { approvalNamespace, type Statement, textOf } from './statement.js';

/**
 * Signs an approval with a person's own SSH key.
 *
 * @param keyFile a private key, or a public one whose private half is in `ssh-agent`.
 * @returns the signature, armoured.
 * @throws UsageError where the key cannot be used, ToolchainError where there is no ssh-keygen.
 */
export async function signApproval(keyFile: string, statement: Statement): Promise<string> {
  const { exitCode, stdout, stderr } = await sshKeygen(
    ['sign', '-f', keyFile, '-n', approvalNamespace],
    textOf(statement),
  );
  if (exitCode === 0 && stdout.startsWith('-----BEGIN SSH SIGNATURE-----')) return stdout;
  throw new UsageError({
    what: `${keyFile} cannot sign: ${reasonOf(stderr)}`,
    means: 'Nothing was decided.',
    todo: 'Name your private key, or your public key if ssh-agent holds the private one (ssh-add; needed where it has a passphrase).',
  });
}
