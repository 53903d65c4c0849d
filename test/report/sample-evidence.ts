import type { Evidence } from '../../src/schema/evidence.js';
import type { Phase, WorkSamples } from '../../src/schema/results.js';

/** @param from seconds after the drill's start. */
function phase(name: Phase['name'], from: number, seconds: number, size?: number, samples?: WorkSamples): Phase {
  const at = (second: number): string => new Date(Date.UTC(2026, 10, 24, 2, 0, 0) + second * 1_000).toISOString();
  return {
    name,
    seconds,
    startedAt: at(from),
    finishedAt: at(from + seconds),
    ...(size === undefined ? {} : { bytes: size }),
    ...(samples === undefined ? {} : { samples }),
  };
}

/** A drill as it could have been, for pages and chains; the figures are made up. */
export function sampleEvidence(change: Partial<Evidence> = {}): Evidence {
  return {
    formatVersion: 1,
    id: 'drill-shop-20261124T020000Z-01a20ec7',
    kind: 'drill',
    cluster: 'shop',
    workflowId: 'drill-shop-20261124T020000Z',
    runId: '01a20ec7-0000-7000-8000-000000000001',
    startedAt: '2026-11-24T02:00:00.000Z',
    finishedAt: '2026-11-24T02:03:10.000Z',
    host: 'db-drills-1',
    verdict: 'passed',
    reasons: ['All 5 checks passed.'],
    input: { cluster: 'shop', target: 'fence', backup: 'incremental' },
    rerun: "pgdrill drill shop --target 'lsn=0/5A001F28'",
    scenario: {
      name: 'longest-chain',
      target: 'fence',
      chain: '20261124T010000Z-incremental',
      why: 'never drilled without a failure; the chain that ends with 20261124T010000Z-incremental has 2 links',
      rotation: [
        { name: 'longest-chain' },
        { name: 'oops', impossible: 'No transaction in the archived WAL of shop dropped or truncated a table.' },
        { name: 'now', provenAt: '2026-11-23T02:03:10.000Z', restoredAt: '2026-11-23T02:03:10.000Z' },
      ],
    },
    target: {
      requested: 'fence',
      settings: { recovery_target_lsn: '0/5A001F28', recovery_target_inclusive: 'off', recovery_target_timeline: '1' },
      lsn: '0/5A001F28',
      timeline: 1,
    },
    fence: {
      lsn: '0/5A001F28',
      timeline: 1,
      restorePoint: 'pgdrill',
      restorePointLsn: '0/5A002000',
      takenAt: '2026-11-24T02:00:20.000Z',
      tries: 1,
      snapshots: [{ database: 'shop', snapshot: '1:2:' }],
      commitsSeen: 1_204,
      commitsUnseen: 17,
    },
    rpo: {
      seconds: 1.4,
      bytes: 2_345_678,
      transactions: 311,
      failureAt: '2026-11-24T02:00:20.000Z',
      sourceLsn: '0/5A001F28',
      repositoryLsn: '0/59DC0000',
      worst: {
        seconds: 61.2,
        since: '2026-11-23T02:00:20.000Z',
        until: '2026-11-24T02:00:20.000Z',
        segments: 1_440,
        segment: '000000010000000000000042',
        committedAt: '2026-11-23T17:03:00.100Z',
        savedAt: '2026-11-23T17:04:01.300Z',
      },
    },
    chain: [
      { id: '20261123T020000Z-full', type: 'full', startLsn: '0/2000028', endLsn: '0/2C00120', sizeBytes: 4.1e9 },
      {
        id: '20261124T010000Z-incremental',
        type: 'incremental',
        startLsn: '0/3E000028',
        endLsn: '0/3E0A2B10',
        sizeBytes: 2.2e8,
      },
    ],
    restoredBytes: 4.3e9,
    replay: {
      paused: true,
      reachedLsn: '0/5A001F28',
      lastCommitAt: '2026-11-24 02:00:19.98+00',
      replayedBytes: 469_770_000,
      samples: Array.from({ length: 60 }, (_, index) => ({
        seconds: index * 0.6,
        lsn: `0/${Math.round(0x3e000028 + (0x1c001f00 * Math.sqrt(index)) / Math.sqrt(59))
          .toString(16)
          .toUpperCase()}`,
      })),
    },
    clock: {
      phases: [
        phase('plan', 15, 0.3),
        phase('verify', 15.4, 21.2, 4.3e9, { looks: 212, cpu: 0.21, disk: 0.76, wal: 0, other: 0.03 }),
        phase('combine', 36.7, 33.8, 4.3e9, { looks: 338, cpu: 0.4, disk: 0.38, wal: 0, other: 0.22 }),
        phase('replay', 71, 36.1, 469_770_000, { looks: 361, cpu: 0.9, disk: 0.04, wal: 0.05, other: 0.01 }),
        { ...phase('open', 132.5, 1.2), attempts: 2 },
        phase('validate', 134, 48.7),
      ],
      rtoSeconds: 94.1,
      rtoToProvenSeconds: 143.4,
      waitedForHumansSeconds: 22,
      otherSeconds: 1.5,
    },
    objectives: [
      { name: 'rto', objective: '15m', actualSeconds: 94.1, status: 'met' },
      { name: 'rpo', objective: '1s', actualSeconds: 1.4, status: 'missed' },
    ],
    checks: [
      {
        name: 'content',
        status: 'passed',
        summary: '41 tables in 2 databases are identical to the source at the fence.',
        figures: { tables: 41, rows: 12_345_678, sizeBytes: 4.3e9 },
        problems: [],
        seconds: 31.4,
      },
      {
        name: 'schema',
        status: 'passed',
        summary: 'The schemas are identical.',
        figures: { objects: 512 },
        problems: [],
        seconds: 2.1,
      },
    ],
    notCompared: ['shop.public.sessions (unlogged): empty after every restore'],
    approvals: [
      {
        gate: 'promote',
        decision: 'approved',
        by: 'ann',
        reason: 'monthly drill',
        openedAt: '2026-11-24T02:01:50.000Z',
        decidedAt: '2026-11-24T02:02:12.000Z',
      },
    ],
    findings: [
      { name: 'version', level: 'ok', message: 'PostgreSQL 17.11' },
      {
        name: 'vacuum_truncate',
        level: 'warning',
        message: 'It is on.',
        fix: 'alter system set vacuum_truncate = off;',
      },
    ],
    versions: { pgdrill: '0.1.0', sourcePostgres: '17.11', sandboxPostgres: '17.11', node: 'v22.0.0' },
    ...change,
  };
}
