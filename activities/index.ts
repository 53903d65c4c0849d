import { createCaptureLsn } from './capture-lsn.js';
import { createCheckArchive } from './check-archive.js';
import { createCleanUp } from './clean-up.js';
import { createChooseScenario } from './choose-scenario.js';
import { createChooseSabotage, createCopyRepository, createJudgeTrial, createSabotage } from './sabotage.js';
import { createCompareAtFence } from './compare-at-fence.js';
import { createConsolidateChain } from './consolidate-chain.js';
import type { Dependencies } from './dependencies.js';
import { createDeleteExpired, createMarkExpired } from './delete-expired.js';
import { createExtractDump } from './extract.js';
import { createHandOver } from './hand-over.js';
import { createLoadSettings } from './load-settings.js';
import { createFindDue, createNotify } from './notify.js';
import { createOpenSandbox } from './open-sandbox.js';
import { createPlanRestore } from './plan-restore.js';
import { createPlanRetention } from './plan-retention.js';
import { createPrepareRestore } from './prepare-restore.js';
import { createRecordAlarm } from './record-alarm.js';
import { createRecordBackup, createRecordFailedBackup } from './record-backup.js';
import { createRecordObjectives } from './record-objectives.js';
import { createRecordRetention } from './record-retention.js';
import { createRecordSabotage } from './record-sabotage.js';
import { registered } from './registered.js';
import { createReplayWal } from './replay-wal.js';
import { createEndStream, createPrepareStream, createReceiveWal } from './stream-wal.js';
import { createSweep } from './sweep.js';
import { createTakeBaseBackup, createTakeDifferentialBackup, createTakeIncrementalBackup } from './take-backup.js';
import { createValidateRestore } from './validate-restore.js';
import { createMoveTarget } from './move-target.js';
import { createRecordWait } from './record-wait.js';
import { createVerifyApproval } from './verify-approval.js';
import { createVerifyRepository } from './verify-repository.js';

/** All activities, by the names they have in Temporal's history and Web UI. */
// The return type is what `Activities` below is made of: spelling it out would say everything twice.
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types
export function createActivities(dependencies: Dependencies) {
  return registered(dependencies, {
    loadSettings: createLoadSettings(dependencies),
    checkArchive: createCheckArchive(dependencies),
    takeBaseBackup: createTakeBaseBackup(dependencies),
    takeIncrementalBackup: createTakeIncrementalBackup(dependencies),
    takeDifferentialBackup: createTakeDifferentialBackup(dependencies),
    consolidateChain: createConsolidateChain(dependencies),
    recordBackup: createRecordBackup(dependencies),
    recordFailedBackup: createRecordFailedBackup(dependencies),
    captureLsn: createCaptureLsn(dependencies),
    chooseScenario: createChooseScenario(dependencies),
    planRestore: createPlanRestore(dependencies),
    prepareRestore: createPrepareRestore(dependencies),
    replayWal: createReplayWal(dependencies),
    compareAtFence: createCompareAtFence(dependencies),
    openSandbox: createOpenSandbox(dependencies),
    validateRestore: createValidateRestore(dependencies),
    recordObjectives: createRecordObjectives(dependencies),
    chooseSabotage: createChooseSabotage(dependencies),
    copyRepository: createCopyRepository(dependencies),
    sabotage: createSabotage(dependencies),
    judgeTrial: createJudgeTrial(),
    recordSabotage: createRecordSabotage(dependencies),
    handOver: createHandOver(dependencies),
    extractDump: createExtractDump(dependencies),
    cleanUp: createCleanUp(dependencies),
    recordAlarm: createRecordAlarm(dependencies),
    notify: createNotify(dependencies),
    findDue: createFindDue(dependencies),
    planRetention: createPlanRetention(dependencies),
    markExpired: createMarkExpired(dependencies),
    deleteExpired: createDeleteExpired(dependencies),
    recordRetention: createRecordRetention(dependencies),
    sweep: createSweep(dependencies),
    verifyRepository: createVerifyRepository(dependencies),
    verifyApproval: createVerifyApproval(dependencies),
    recordWait: createRecordWait(dependencies),
    moveTarget: createMoveTarget(dependencies),
    prepareStream: createPrepareStream(dependencies),
    receiveWal: createReceiveWal(dependencies),
    endStream: createEndStream(dependencies),
  });
}

export type Activities = ReturnType<typeof createActivities>;
