import { isCancellation } from '@temporalio/workflow';

import type { BackupSummary } from '../activities/take-backup.js';
import type { BackupType } from '../src/schema/workflow-inputs.js';
import { bytes, seconds } from '../src/schema/figures.js';
import { rootFailure, type RunProgress } from './progress.js';
import { steps } from './steps.js';
import { whenFree } from './when-free.js';

/** A backup, and what went wrong beside it, such as a catalog that could not be written. */
export interface TakenBackup extends BackupSummary {
  warnings: string[];
}

/** Takes one backup and notes it in the catalog, also when it fails. */
export async function takeBackup(
  progress: RunProgress,
  cluster: string,
  type: BackupType,
  policy?: string,
): Promise<TakenBackup> {
  const backup = await takeOrNoteFailure(progress, { cluster, type, policy });
  const { warnings } = await steps.recordBackup({ cluster, backupId: backup.id });
  return { ...backup, warnings };
}

async function takeOrNoteFailure(
  progress: RunProgress,
  { cluster, type, policy }: { cluster: string; type: BackupType; policy: string | undefined },
): Promise<BackupSummary> {
  const what = { cluster, ...(policy === undefined ? {} : { policy }) };
  const startedAt = new Date().toISOString();
  try {
    switch (type) {
      case 'full':
        return await progress.step('base backup', () => whenFree(progress, () => steps.takeBaseBackup(what)), describe);
      case 'incremental':
        return await progress.step(
          'incremental backup',
          () => whenFree(progress, () => steps.takeIncrementalBackup(what)),
          describe,
        );
      case 'differential':
        return await progress.step(
          'differential backup',
          () => whenFree(progress, () => steps.takeDifferentialBackup(what)),
          describe,
        );
    }
  } catch (error) {
    if (!isCancellation(error)) {
      const { message } = rootFailure(error);
      await steps.recordFailedBackup({ cluster, type, startedAt, message }).catch(() => undefined); // the backup's own failure counts
    }
    throw error;
  }
}

function describe(backup: BackupSummary): string {
  const { id, type, fallbackReason, unsafe, sizeBytes, startLsn, endLsn, durationMs } = backup;
  const instead = type === 'full' && fallbackReason !== undefined ? ` (a full, because ${fallbackReason})` : '';
  const distrust = unsafe === undefined ? '' : `; UNSAFE, will not be restored from: ${unsafe.join(' ')}`;
  return `${id}${instead}: ${bytes(sizeBytes)}, ${startLsn} → ${endLsn}, ${seconds(durationMs / 1_000)}${distrust}`;
}
