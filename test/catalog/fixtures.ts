import type { BackupRecord } from '../../src/schema/backup-record.js';
import { type Evidence, evidenceSchema } from '../../src/schema/evidence.js';

/** A backup record with plausible figures. */
export function backupRecord(changes: Partial<BackupRecord> = {}): BackupRecord {
  return {
    formatVersion: 1,
    id: '20261122T020000Z-full',
    cluster: 'shop',
    type: 'full',
    requestedType: 'full',
    systemIdentifier: '7430000000000000001',
    timeline: 1,
    startLsn: '0/2000028',
    endLsn: 'A/B2000158',
    startedAt: '2026-11-22T02:00:00.000Z',
    finishedAt: '2026-11-22T02:01:30.500Z',
    durationMs: 90_500,
    sizeBytes: 5_000_000_000_000,
    serverVersion: '17.11',
    serverVersionNumber: 170_011,
    walSegmentSizeBytes: 16_777_216,
    dataChecksums: true,
    settings: {},
    superuser: 'postgres',
    tablespaces: [],
    manifestSha256: 'a'.repeat(64),
    operation: 'backup/shop/1/takeBaseBackup',
    ...changes,
  };
}

/** Evidence of a drill that passed; the run id makes it another run. */
export function evidence(runId: string, changes: Partial<Evidence> = {}): Evidence {
  return evidenceSchema.parse({
    formatVersion: 1,
    id: `drill-${runId}`,
    kind: 'drill',
    cluster: 'shop',
    workflowId: 'drill/shop',
    runId,
    startedAt: '2026-11-22T03:00:00.000Z',
    finishedAt: '2026-11-22T03:05:00.250Z',
    verdict: 'passed',
    reasons: ['Everything is equal.'],
    input: { cluster: 'shop', target: 'fence' },
    rerun: 'pgdrill drill shop',
    target: { requested: 'fence', settings: {}, lsn: '0/5000060', timeline: 1 },
    rpo: {
      seconds: 1.5,
      bytes: 3_000_000_000,
      transactions: 42,
      failureAt: '2026-11-22T03:00:10.000Z',
      sourceLsn: '0/6000000',
      repositoryLsn: '0/5000000',
    },
    chain: [],
    clock: { phases: [], rtoSeconds: 61.25, rtoToProvenSeconds: 120, waitedForHumansSeconds: 0 },
    objectives: [],
    checks: [],
    notCompared: [],
    approvals: [],
    findings: [],
    versions: { pgdrill: '0.1.0', sandboxPostgres: '17.11', node: '20.19.0' },
    ...changes,
  });
}
