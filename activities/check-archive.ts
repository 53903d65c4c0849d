import { clusterOf } from '../src/configuration/cluster.js';
import { examineOrThrow } from '../src/doctor/doctor.js';
import type { Finding } from '../src/schema/results.js';
import type { Dependencies } from './dependencies.js';
import { type Step, step } from './step.js';

/** Archive check: the source is set up, and WAL really arrives in the repository. */
export const createCheckArchive = ({ loaded }: Dependencies): Step<{ cluster: string }, Finding[]> =>
  step(
    async (input: { cluster: string }, context): Promise<Finding[]> =>
      await examineOrThrow(clusterOf(loaded, input.cluster), context),
  );
