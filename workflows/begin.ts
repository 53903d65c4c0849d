import { ApplicationFailure, isCancellation } from '@temporalio/workflow';

import type { ClusterSettings } from '../activities/load-settings.js';
import { rootFailure, type RunProgress } from './progress.js';
import { steps } from './steps.js';

/**
 * Begins a run: reads what it needs of the cluster's configuration, and makes the run searchable.
 *
 * @throws ApplicationFailure that says at the top what is wrong, such as an unknown cluster: Temporal's own would be "Activity task failed".
 */
export async function begin(progress: RunProgress): Promise<ClusterSettings> {
  try {
    const settings = await steps.loadSettings({ cluster: progress.state.cluster });
    progress.searchable(settings);
    progress.channels = settings.channels ?? [];
    return settings;
  } catch (error) {
    if (isCancellation(error)) throw error;
    throw ApplicationFailure.create({ ...rootFailure(error), nonRetryable: true });
  }
}
