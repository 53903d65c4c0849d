import { z } from 'zod';

const absolutePath = z.string().startsWith('/', 'must be an absolute path');

/** How evidence is signed and whose signatures count. File names only: a key's content never comes into the configuration. */
export const evidenceConfigurationSchema = z
  .strictObject({
    signing_key: absolutePath
      .optional()
      .describe(
        'The SSH key that the worker signs evidence with: a private key without a passphrase that only the worker’s user may read, or a public key whose private half is in the worker’s `ssh-agent`. Needs `ssh-keygen`.',
      ),
    allowed_signers: absolutePath
      .optional()
      .describe(
        'Whose signatures `pgdrill evidence verify` accepts: an `allowed_signers` file (ssh-keygen(1)). Keep it where the worker cannot write.',
      ),
  })
  .default({})
  .describe('Signatures under the evidence (docs/evidence.md). Without `signing_key` nothing is signed.');
