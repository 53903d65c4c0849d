import { clusterOf } from '../src/configuration/cluster.js';
import { examineOrThrow } from '../src/doctor/doctor.js';
import { Answered, patientError } from '../src/doctor/patience.js';
import { UnreachableError } from '../src/errors.js';
import { describeConninfo } from '../src/postgres/connection.js';
import { resolveService } from '../src/postgres/conninfo.js';
import type { Finding } from '../src/schema/results.js';
import type { Dependencies } from './dependencies.js';
import { type Step, step } from './step.js';

/**
 * Archive check: the source is set up, and WAL really arrives in the repository. It is the first to speak to the source, so it also knows
 * a restart, which is waited for, from an address that was mistyped, which should show within seconds.
 */
export const createCheckArchive = ({ loaded }: Dependencies): Step<{ cluster: string }, Finding[]> =>
  step(async (input: { cluster: string }, context): Promise<Finding[]> => {
    const cluster = clusterOf(loaded, input.cluster);
    const answered = new Answered(loaded.stateDirectory);
    try {
      const findings = await examineOrThrow(cluster, context);
      await answered.note(describeConninfo(resolveService(cluster.connection)));
      return findings;
    } catch (error) {
      const failure = await patientError(error, context.attempt, answered);
      if (failure instanceof UnreachableError && failure.retryable)
        context.progress({ doing: `tried again: ${failure.explanation.what}` });
      throw failure;
    }
  });
