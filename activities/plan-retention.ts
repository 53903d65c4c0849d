import { clusterOf } from '../src/configuration/cluster.js';
import { gatherFacts } from '../src/retention/facts.js';
import { planRetention } from '../src/retention/plan.js';
import { retentionOf } from '../src/retention/request.js';
import { summarize } from '../src/retention/summary.js';
import type { RetentionSummary } from '../src/schema/retention.js';
import type { Dependencies } from './dependencies.js';
import { type Step, step } from './step.js';

export interface RetentionStepInput {
  cluster: string;
  acceptClock: boolean;
}

/** As many as a history bears. The CLI shows all. */
const mostBackups = 100;

/** What stays and what goes, and why. Changes nothing. */
export const createPlanRetention = ({ loaded }: Dependencies): Step<RetentionStepInput, RetentionSummary> =>
  step(async ({ cluster, acceptClock }: RetentionStepInput): Promise<RetentionSummary> => {
    const request = await retentionOf(clusterOf(loaded, cluster), acceptClock);
    return summarize(planRetention(await gatherFacts(request), acceptClock), cluster, mostBackups);
  });
