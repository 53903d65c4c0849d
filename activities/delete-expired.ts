import { clusterOf } from '../src/configuration/cluster.js';
import { deleteExpired, markExpired } from '../src/retention/apply.js';
import { retentionOf } from '../src/retention/request.js';
import { summarize } from '../src/retention/summary.js';
import type { RetentionResult, RetentionSummary } from '../src/schema/retention.js';
import type { Dependencies } from './dependencies.js';
import type { RetentionStepInput } from './plan-retention.js';
import { type Step, step } from './step.js';

/** Marks what may go, and takes the mark of what is needed again. */
export const createMarkExpired = ({
  loaded,
}: Dependencies): Step<RetentionStepInput, Pick<RetentionSummary, 'wal'> & { marked: string[] }> =>
  step(async ({ cluster, acceptClock }: RetentionStepInput, context) => {
    const plan = await markExpired(await retentionOf(clusterOf(loaded, cluster), acceptClock), context);
    const marked = plan.backups.filter(({ fate }) => fate === 'mark').map(({ id }) => id);
    return { marked, wal: summarize(plan, cluster, 0).wal };
  });

/** Deletes what was marked longer ago than the grace. */
export const createDeleteExpired = ({ loaded }: Dependencies): Step<RetentionStepInput, RetentionResult> =>
  step(
    async ({ cluster, acceptClock }: RetentionStepInput, context): Promise<RetentionResult> =>
      await deleteExpired(await retentionOf(clusterOf(loaded, cluster), acceptClock), context),
  );
