import { ConfigurationError } from '../../errors.js';
import { reasonOf, sshKeygen } from '../../process/ssh-keygen.js';
import { signatureNamespace } from './signature-namespace.js';

/**
 * Signs a text with an SSH key.
 *
 * @param keyFile a private key, or a public one whose private half is in `ssh-agent`.
 * @returns the signature, armoured.
 * @throws ConfigurationError where the key cannot be used, ToolchainError where there is no ssh-keygen.
 */
export async function signText(keyFile: string, text: string, signal?: AbortSignal): Promise<string> {
  const { exitCode, stdout, stderr } = await sshKeygen(['sign', '-f', keyFile, '-n', signatureNamespace], text, signal);
  if (exitCode === 0 && stdout.startsWith('-----BEGIN SSH SIGNATURE-----')) return stdout;
  throw new ConfigurationError({
    what: `evidence.signing_key ${keyFile} cannot sign: ${reasonOf(stderr)}`,
    means: 'Evidence would be unsigned, and whoever checks it could not tell it from forged evidence.',
    todo: 'Name a private key without a passphrase that the worker’s user owns (chmod 600), or a public key that the worker’s ssh-agent holds.',
  });
}

/** Where evidence is to be signed, tries the key out: a wrong one should show when the worker starts, not after the first drill. */
export async function assertCanSign(keyFile: string | undefined): Promise<void> {
  if (keyFile !== undefined) await signText(keyFile, 'pgdrill tries its signing key\n');
}
