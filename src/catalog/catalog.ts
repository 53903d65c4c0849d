// The catalog's door: the history tables, derived from the repository and the evidence, and never needed for a recovery.
export { appliedPolicies, mirrorPolicies } from './mirror-policies.js';
export { catchUp, keepForLater } from './behind.js';
export { mirrorObjectives } from './mirror-objectives.js';
export { withCatalog } from './open.js';
export { eventOfBackup, eventOfFailedBackup, eventOfRun, eventOfSabotage, eventOfVerification } from './events.js';
export { rebuild, type Rebuilt } from './rebuild.js';
export { recordBackup, recordFailedBackup } from './record-backup.js';
export { newestEvidence } from './newest-evidence.js';
export { type MonitoringEvent, recordEvent } from './record-event.js';
export { recordRecovery } from './record-recovery.js';
export { recordDeleted } from './record-deleted.js';
