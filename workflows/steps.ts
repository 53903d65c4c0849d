import { ActivityCancellationType, proxyActivities, type RetryPolicy } from '@temporalio/workflow';

import type { Activities } from '../activities/index.js';

const everyStep = {
  // Activities beat every second (activities/step.ts). A worker that is silent for this long is dead or hangs: its step goes to another.
  heartbeatTimeout: '15s',
  // A cancelled step has ended its tools and removed its half-done work before the next one, the clean-up, begins. Without this the SDK
  // only tells the activity and goes on at once (1.24, whatever its documentation says), and the two work in the same directory.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
} as const;

// Which of the steps that wait for a worker is taken first (Temporal: 1 before 5, 3 where nothing is said). Else every run would get its first
// step before any gets its second: of two hundred drills, a hundred sandboxes would stand at once, and their clocks run while they wait.
// So runs that hold something go on before others begin, above all those whose RTO is being measured. A server without priorities ignores it.
const begun = { ...everyStep, priority: { priorityKey: 2 } } as const;
const restoring = { ...everyStep, priority: { priorityKey: 1 } } as const;

// What time can mend (a server that restarts, a lock that is held) is tried again soon, then less and less often. Errors that only a
// person can mend are marked non-retryable where they are thrown.
const patient: RetryPolicy = {
  initialInterval: '1s',
  backoffCoefficient: 2,
  maximumInterval: '1m',
  maximumAttempts: 8,
};

// Reads or writes a little that nothing else waits for: what three tries do not mend, time will not either.
const prompt: RetryPolicy = { initialInterval: '1s', backoffCoefficient: 2, maximumAttempts: 3 };

// Seconds of work; a minute means that something is wrong.
const { loadSettings } = proxyActivities<Activities>({
  startToCloseTimeout: '1m',
  ...everyStep,
  retry: prompt,
  summary: 'Read the configuration',
});

// Waits for a WAL segment to arrive, for as long as the configuration allows; the rest takes seconds. A source that restarts is waited for;
// an address that has never answered fails sooner by itself (src/doctor/patience.ts), since someone is probably watching.
const { checkArchive } = proxyActivities<Activities>({
  startToCloseTimeout: '1h',
  ...begun,
  retry: patient,
  summary: 'Archive check: does WAL arrive in the repository?',
});

// Who finds the repository in use waits in the workflow (when-free.ts), not here.
const patientButBusy: RetryPolicy = { ...patient, nonRetryableErrorTypes: ['BusyError'] };

// Bounded by size and disks only. A day is longer than anyone waits; the heartbeat finds a dead one long before.
const { takeBaseBackup } = proxyActivities<Activities>({
  startToCloseTimeout: '24h',
  ...begun,
  retry: patientButBusy,
  summary: 'Base backup: full, verified',
});
const { takeIncrementalBackup } = proxyActivities<Activities>({
  startToCloseTimeout: '24h',
  ...begun,
  retry: patientButBusy,
  summary: 'Incremental backup on top of the newest one',
});
const { takeDifferentialBackup } = proxyActivities<Activities>({
  startToCloseTimeout: '24h',
  ...begun,
  retry: patientButBusy,
  summary: 'Differential backup on top of the newest full one',
});
// Reads the whole chain twice and writes a full backup: bounded by size and disks only.
const { consolidateChain } = proxyActivities<Activities>({
  startToCloseTimeout: '24h',
  ...everyStep,
  retry: patientButBusy,
  summary: 'Consolidation: a full backup of a chain, verified; the source is not asked',
});
// A catalog that is away is a warning. What else fails is a worker: one that stands still may be given several tries, of which nobody hears.
const { recordBackup, recordFailedBackup } = proxyActivities<Activities>({
  startToCloseTimeout: '2m',
  ...begun,
  retry: patient,
  summary: 'Note the backup in the catalog',
});

// Reads every table of the source once.
const { captureLsn } = proxyActivities<Activities>({
  startToCloseTimeout: '24h',
  ...begun,
  retry: patient,
  summary: 'LSN capture: the fence, RPO, fingerprint of the source',
});

// May scan all the archived WAL for statements that went wrong.
const { chooseScenario } = proxyActivities<Activities>({
  startToCloseTimeout: '6h',
  ...begun,
  retry: patient,
  summary: 'Scenario: which failure is rehearsed, and where that leads',
});

// May scan all the WAL behind a backup for the target.
const { planRestore } = proxyActivities<Activities>({
  startToCloseTimeout: '6h',
  ...restoring,
  retry: patient,
  summary: 'Plan: which chain, which WAL, where to stop',
});
const { prepareRestore } = proxyActivities<Activities>({
  startToCloseTimeout: '24h',
  ...restoring,
  retry: patient,
  summary: 'Restore preparation: verify and combine the chain',
});
const { replayWal } = proxyActivities<Activities>({
  startToCloseTimeout: '24h',
  ...restoring,
  retry: patient,
  summary: 'Replay WAL up to the target and pause there',
});
const { compareAtFence } = proxyActivities<Activities>({
  startToCloseTimeout: '24h',
  ...restoring,
  retry: patient,
  summary: 'Comparison at a recorded fence on the way: no part of the RTO',
});
const { openSandbox } = proxyActivities<Activities>({
  startToCloseTimeout: '30m',
  ...restoring,
  retry: patient,
  summary: 'Open: promote; the RTO clock stops here',
});
const { validateRestore } = proxyActivities<Activities>({
  startToCloseTimeout: '24h',
  ...restoring,
  retry: patient,
  summary: 'Validation: is the restored cluster equal to the source?',
});
const { recordObjectives } = proxyActivities<Activities>({
  startToCloseTimeout: '5m',
  ...restoring,
  retry: patient,
  summary: 'Record RTO, RPO and evidence',
});
const { handOver } = proxyActivities<Activities>({
  startToCloseTimeout: '30m',
  ...restoring,
  retry: patient,
  summary: 'Hand-over: stop cleanly, own settings back',
});

// As long as reading everything takes.
const { extractDump } = proxyActivities<Activities>({
  startToCloseTimeout: '24h',
  ...restoring,
  retry: patient,
  summary: 'Extraction: dump tables or a database into a file',
});

const { chooseSabotage, judgeTrial } = proxyActivities<Activities>({
  startToCloseTimeout: '2m',
  ...everyStep,
  retry: prompt,
  summary: 'Sabotage: whose turn it is, and whether it was seen',
});
const { copyRepository } = proxyActivities<Activities>({
  startToCloseTimeout: '24h',
  ...everyStep,
  retry: patient,
  summary: 'Copy of the chain and its WAL, to be broken',
});
// Tried once: a second try would turn the same bit back, and a drill that sees nothing would then be right.
const { sabotage } = proxyActivities<Activities>({
  startToCloseTimeout: '6h',
  ...everyStep,
  retry: { maximumAttempts: 1 },
  summary: 'Sabotage: break one thing in the copy',
});
const { recordSabotage } = proxyActivities<Activities>({
  startToCloseTimeout: '5m',
  ...everyStep,
  retry: patient,
  summary: 'Record what was broken and who saw it',
});

// What is left behind costs disk space until it goes, so this one does not give up early.
const { cleanUp } = proxyActivities<Activities>({
  startToCloseTimeout: '1h',
  ...restoring,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '5m', maximumAttempts: 20 },
  summary: 'Clean-up: stop and remove the sandbox',
});
const { recordAlarm } = proxyActivities<Activities>({
  startToCloseTimeout: '2m',
  ...everyStep,
  retry: prompt,
  summary: 'Tell that the clean-up failed',
});

// A receiver that restarts is waited for, but not for so long that a run cannot end. Whoever is asked no longer (a gate that was answered) is
// told no more, at once.
const { notify } = proxyActivities<Activities>({
  startToCloseTimeout: '1m',
  scheduleToCloseTimeout: '5m',
  heartbeatTimeout: everyStep.heartbeatTimeout,
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' },
  summary: 'Notification',
});
const { findDue } = proxyActivities<Activities>({
  startToCloseTimeout: '10m',
  ...everyStep,
  retry: prompt,
  summary: 'Is a proof too old, is WAL missing?',
});

// Seconds, unless a big sandbox has to go.
const { sweep } = proxyActivities<Activities>({
  startToCloseTimeout: '1h',
  ...everyStep,
  retry: patient,
  summary: 'Remove what runs that are over left behind',
});

// Reads the whole repository at a bounded rate: days, where it is large. A worker that stops in between costs nothing that was read, so it
// does not give up early.
const { verifyRepository } = proxyActivities<Activities>({
  startToCloseTimeout: '30d',
  ...everyStep,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '5m', maximumAttempts: 30 },
  summary: 'Verify the repository: WAL archive, backups, evidence',
});

const { prepareStream, endStream } = proxyActivities<Activities>({
  startToCloseTimeout: '1h',
  ...everyStep,
  retry: patient,
  summary: 'WAL stream: the replication slot',
});
// Half a day at a time. It never gives up by itself: the slot keeps on the source what was not received, and alarms say that it stands.
const { receiveWal } = proxyActivities<Activities>({
  startToCloseTimeout: '13h',
  ...everyStep,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' },
  summary: 'WAL stream: receive',
});
const { planRetention } = proxyActivities<Activities>({
  startToCloseTimeout: '1h',
  ...everyStep,
  retry: patient,
  summary: 'Retention: what stays, what goes, and why',
});
// Both wait for whoever writes into the repository: a backup may take hours.
const waitForWriter = {
  startToCloseTimeout: '24h',
  ...everyStep,
  retry: { ...patient, maximumInterval: '5m', maximumAttempts: 60 },
} as const;
const { markExpired } = proxyActivities<Activities>({ ...waitForWriter, summary: 'Mark what may go' });
const { deleteExpired } = proxyActivities<Activities>({
  ...waitForWriter,
  summary: 'Delete what was marked longer ago than the grace',
});
const { recordRetention } = proxyActivities<Activities>({
  startToCloseTimeout: '2m',
  ...everyStep,
  retry: prompt,
  summary: 'Note in the catalog what is gone',
});

// An answer at a gate waits for it, and a person for the answer.
const { verifyApproval } = proxyActivities<Activities>({
  startToCloseTimeout: '1m',
  ...restoring,
  retry: prompt,
  summary: 'Is the approval signed by whom it says?',
});
const { recordWait } = proxyActivities<Activities>({
  startToCloseTimeout: '2m',
  ...everyStep,
  retry: prompt,
  summary: 'Tell that a gate waits for a human',
});

// Reads the WAL up to the other target once through.
const { moveTarget } = proxyActivities<Activities>({
  startToCloseTimeout: '24h',
  ...restoring,
  retry: patient,
  summary: 'Retarget: further on, without restoring again',
});

export const steps = {
  moveTarget,
  verifyApproval,
  recordWait,
  prepareStream,
  receiveWal,
  endStream,
  loadSettings,
  checkArchive,
  takeBaseBackup,
  takeIncrementalBackup,
  takeDifferentialBackup,
  consolidateChain,
  recordBackup,
  recordFailedBackup,
  captureLsn,
  chooseScenario,
  planRestore,
  prepareRestore,
  replayWal,
  compareAtFence,
  openSandbox,
  validateRestore,
  recordObjectives,
  chooseSabotage,
  copyRepository,
  sabotage,
  judgeTrial,
  recordSabotage,
  handOver,
  extractDump,
  cleanUp,
  recordAlarm,
  notify,
  findDue,
  planRetention,
  markExpired,
  deleteExpired,
  recordRetention,
  sweep,
  verifyRepository,
};
