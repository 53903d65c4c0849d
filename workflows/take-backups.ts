import type { BackupSummary } from '../activities/take-backup.js';
import type { BackupType } from '../src/schema/workflow-inputs.js';
import { bytes, seconds } from '../src/schema/figures.js';
import type { RunProgress } from './progress.js';
import { steps } from './steps.js';

/** Takes one backup and notes it in the catalog. */
export async function takeBackup(progress: RunProgress, cluster: string, type: BackupType): Promise<BackupSummary> {
  const backup =
    type === 'full'
      ? await progress.step('base backup', () => steps.takeBaseBackup({ cluster }), describe)
      : await progress.step('incremental backup', () => steps.takeIncrementalBackup({ cluster }), describe);
  await steps.recordBackup({ cluster, backupId: backup.id });
  return backup;
}

function describe({ id, type, fallbackReason, sizeBytes, startLsn, endLsn, durationMs }: BackupSummary): string {
  const instead = fallbackReason === undefined ? '' : ` (a full, because ${fallbackReason})`;
  return `${id}${type === 'full' ? instead : ''}: ${bytes(sizeBytes)}, ${startLsn} → ${endLsn}, ${seconds(durationMs / 1_000)}`;
}
