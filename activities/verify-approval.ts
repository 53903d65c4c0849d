import type { Statement } from '../src/approvals/statement.js';
import { type Verified, verifyApproval } from '../src/approvals/verify.js';
import { clusterOf } from '../src/configuration/cluster.js';
import { ConfigurationError } from '../src/errors.js';
import type { Dependencies } from './dependencies.js';
import { type Step, step } from './step.js';

/** Here and not in the workflow: it runs ssh-keygen, and the keys that count are those of the moment. */
export const createVerifyApproval = ({
  loaded,
}: Dependencies): Step<{ cluster: string; statement: Statement; signature: string }, Verified> =>
  step(async ({ cluster, statement, signature }, context) => {
    const { allowedSigners } = clusterOf(loaded, cluster);
    if (allowedSigners === undefined) {
      throw new ConfigurationError({
        what: `approvals.allowed_signers of ${cluster} is no longer in ${loaded.path}.`,
        means: 'This run began when approvals had to be signed, and nobody says any more whose signatures count.',
        todo: 'Put it back, restart the worker, and approve again.',
      });
    }
    return await verifyApproval(statement, signature, allowedSigners, context.signal);
  });
