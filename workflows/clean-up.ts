import { patched } from '@temporalio/workflow';

import { tell } from './notify.js';
import { rootFailure, type RunProgress } from './progress.js';
import { steps } from './steps.js';

/**
 * The clean-up. Where it fails for good something is left over: that is written into the catalog as an alarm that says what to do, and the
 * failure goes on to whoever called. The janitor tries again once this run is over.
 */
export async function cleanUpOrAlarm(
  progress: RunProgress,
  sandbox: { cluster: string; sandboxId: string; into?: string },
): Promise<void> {
  try {
    await progress.step('clean-up', () => steps.cleanUp(sandbox));
  } catch (error) {
    if (patched('clean-up-alarm')) {
      const { message } = rootFailure(error);
      // The clean-up's own failure counts.
      await steps.recordAlarm({ cluster: sandbox.cluster, message }).catch(() => undefined);
      await tell(progress.channels, sandbox.cluster, {
        event: 'failed',
        severity: 'critical',
        title: `${sandbox.cluster}: the clean-up of a ${progress.state.kind} failed`,
        text: `${message.replaceAll(/\s*\n\s*/g, ' ')} The janitor tries again.`,
        command: 'pgdrill janitor',
      });
    }
    throw error;
  }
}
