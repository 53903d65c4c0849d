import { describe, expect, it } from 'vitest';

import { buildEvidence, type Outcome, toDrillResult, verdictOf } from '../../src/report/build-evidence.js';
import { type Evidence, evidenceSchema } from '../../src/schema/evidence.js';
import type { Approval, Check, Plan, RecordedFence } from '../../src/schema/results.js';

const at = '2026-11-22T02:00:00.000Z';
const check = (status: Check['status']): Check => ({
  name: 'content',
  status,
  summary: `it ${status}`,
  figures: {},
  problems: [],
  seconds: 0,
});
const validation = (...statuses: Check['status'][]): Outcome['validation'] => ({
  checks: statuses.map(check),
  notCompared: [],
  phases: [],
  finishedAt: at,
});
const approval = (decision: Approval['decision'], reason = ''): Approval => ({
  gate: 'promote',
  decision,
  by: 'ann',
  reason,
  openedAt: at,
  decidedAt: at,
});
const drill: Outcome = {
  id: 'drill-1',
  kind: 'drill',
  workflowId: 'w',
  runId: 'r',
  startedAt: at,
  finishedAt: at,
  input: { cluster: 'shop', target: 'fence' },
  findings: [],
  approvals: [],
};

describe('the verdict', () => {
  it.each([
    ['passed', validation('passed', 'passed')],
    ['failed', validation('passed', 'failed', 'unproven')],
    ['unproven', validation('passed', 'unproven')],
    ['unproven', validation()],
    ['unproven', undefined],
  ] as const)('is %s by its checks', (verdict, checks) => {
    expect(verdictOf({ ...drill, validation: checks }).verdict).toBe(verdict);
  });

  it('is unproven, with who and why, where a human rejected it', () => {
    expect(verdictOf({ ...drill, approvals: [approval('approved'), approval('rejected', 'not now')] })).toEqual({
      verdict: 'unproven',
      reasons: ['Rejected at gate promote by ann: not now.'],
    });
    expect(verdictOf({ ...drill, approvals: [approval('rejected')] }).reasons).toEqual([
      'Rejected at gate promote by ann.',
    ]);
  });

  it('is unproven where nobody answered', () => {
    expect(verdictOf({ ...drill, approvals: [approval('expired')] })).toEqual({
      verdict: 'unproven',
      reasons: ['Nobody answered at gate promote in time.'],
    });
  });

  it.each([
    ['prepareRestore', 'RepositoryError', 'failed'],
    ['replayWal', 'SandboxError', 'failed'],
    ['planRestore', 'RepositoryError', 'failed'],
    ['planRestore', 'TargetError', 'unproven'],
    ['prepareRestore', 'DiskFullError', 'unproven'],
    ['prepareRestore', 'ToolError', 'failed'],
    ['prepareRestore', 'ToolKilledError', 'unproven'],
    ['replayWal', 'StorageError', 'unproven'],
    ['captureLsn', 'FenceError', 'unproven'],
    ['captureLsn', 'RepositoryError', 'unproven'],
    ['checkArchive', 'UnreachableError', 'unproven'],
  ])('of a failure in %s by %s is %s: only what a backup is to blame for has failed', (step, type, verdict) => {
    const failure = { step, type, message: 'what happened\n  Meaning: …' };
    expect(verdictOf({ ...drill, failure })).toEqual({ verdict, reasons: [`${step}: what happened`] });
  });

  it('is not passed by checks that were done before a step failed', () => {
    const failure = { step: 'recordObjectives', type: 'DiskFullError', message: 'full' };
    expect(verdictOf({ ...drill, validation: validation('passed'), failure }).verdict).toBe('unproven');
  });

  it('of a recovery is never more than unproven: there is nothing to compare it with', () => {
    expect(verdictOf({ ...drill, kind: 'recovery', validation: validation('passed') }).verdict).toBe('unproven');
  });
});

describe('the evidence', () => {
  const versions = { pgdrill: '0.1.0', sandboxPostgres: '17.11', node: 'v20' };
  const fence = {
    lsn: '0/5000028',
    timeline: 1,
    restorePoint: 'p',
    restorePointLsn: '0/5000100',
    takenAt: at,
    tries: 1,
    snapshots: [],
    commitsSeen: 1,
    commitsUnseen: 1,
  };
  const rpo = { seconds: 0, bytes: 0, transactions: 0, failureAt: at, sourceLsn: '0/1', repositoryLsn: '0/1' };
  const fingerprint = { path: 'x', sha256: 'y', databases: 1, tables: 1, rows: 1, sizeBytes: 1, durationMs: 1 };

  it('of a drill that got nowhere is still whole', () => {
    const failure = { step: 'checkArchive', type: 'SourceNotReadyError', message: 'not ready' };
    const evidence = buildEvidence({ ...drill, failure }, { name: 'shop', objectives: {} }, versions);
    expect(evidenceSchema.parse(evidence)).toEqual(evidence);
    expect(toDrillResult(evidence, undefined, [])).toMatchObject({ verdict: 'unproven', target: 'fence', chain: [] });
  });

  it('names the command that runs the same drill again: at the very LSN of its fence', () => {
    const evidence = buildEvidence(
      { ...drill, capture: { fence, rpo, fingerprint } },
      { name: 'shop', objectives: {} },
      versions,
    );
    expect(evidence.rerun).toBe(`pgdrill drill shop --target 'lsn=0/5000028'`);
    expect(evidence.fence).toEqual(fence);
  });

  it('names that command so that a shell takes it, whatever the directory and the target are called', () => {
    const input = { into: "/srv/it's $HOME", target: "name=before Bob's" };
    const evidence = buildEvidence({ ...drill, kind: 'recovery', input }, { name: 'shop', objectives: {} }, versions);
    expect(evidence.rerun).toBe(`pgdrill recover shop --into '/srv/it'\\''s $HOME' --target 'name=before Bob'\\''s'`);
  });

  it('has what was mended on the way among its findings, and may pass all the same', () => {
    const mended = { name: 'visibility map', level: 'warning', message: 'was mended' } as const;
    const opened = { openedAt: at, timeline: 2, phases: [], findings: [mended] };
    const outcome = { ...drill, opened, validation: validation('passed') };
    const evidence = buildEvidence(outcome, { name: 'shop', objectives: {} }, versions);
    expect(evidenceSchema.parse(evidence)).toEqual(evidence);
    expect(evidence).toMatchObject({ verdict: 'passed', findings: [mended] });
  });
});

describe('a drill that came by a fence', () => {
  const lsn = '0/5000000';
  const recorded = {
    drill: 'drill-0',
    fence: { lsn, timeline: 1, takenAt: at },
    fingerprint: { path: 'f', sha256: 's' },
  } as unknown as RecordedFence;
  const target = { requested: 'latest', settings: {}, timeline: 1 };
  const plan: Plan = {
    orderedAt: at,
    chain: [{ id: 'full-1', type: 'full', startLsn: '0/1', endLsn: '0/2', sizeBytes: 1 }],
    target: { ...target, lsn: '0/5001000' },
    wal: { from: '0/1', to: '0/5001000', bytes: 1 },
    warnings: [],
    onTheWay: { target, recorded, instead: 'full-2' },
    phases: [],
  };
  const own: Check = { ...check('passed'), name: 'structure' };
  const came: Outcome = {
    ...drill,
    plan,
    replay: { paused: true, reachedLsn: '0/5001000', replayedBytes: 1, phases: [] },
    atFence: { checks: [{ ...check('passed'), at: lsn }], notCompared: [], phases: [], finishedAt: at },
    validation: { checks: [own], notCompared: [], phases: [], finishedAt: at },
  };
  const evidenceOf = (outcome: Outcome): Evidence =>
    buildEvidence(outcome, { name: 'shop', objectives: {} }, { pgdrill: '0', sandboxPostgres: '18', node: '20' });

  it('says exactly what is proven, what was only checked, and which chain a recovery would take', () => {
    const { verdict, reasons, fence, fenceOf, beyond, notCompared, findings } = evidenceOf(came);
    expect(verdict).toBe('passed');
    expect(reasons).toEqual([
      'Proven equal at LSN 0/5000000 (fence of drill drill-0, 2026-11-22 02:00:00 UTC); from 0/5000000 to 0/5001000 4.1 kB of WAL replayed, checked by structure, not compared.',
      'All 2 checks passed: content at 0/5000000, structure.',
      'it passed',
    ]);
    expect({ fence: fence?.lsn, fenceOf, beyond }).toEqual({
      fence: lsn,
      fenceOf: 'drill-0',
      beyond: { fromLsn: lsn, toLsn: '0/5001000', bytes: 4_096 },
    });
    expect(notCompared).toEqual([expect.stringContaining('between 0/5000000 and 0/5001000')]);
    expect(findings).toMatchObject([{ name: 'chain', message: expect.stringContaining('full-2') as string }]);
  });

  it('fails by what differed at the fence, and by what is broken behind it', () => {
    const differs = { ...came.atFence!, checks: [{ ...check('failed'), at: lsn }] };
    expect(verdictOf({ ...came, atFence: differs })).toMatchObject({
      verdict: 'failed',
      reasons: ['Check "content at 0/5000000" failed: it failed'],
    });
    const broken = { ...came.validation!, checks: [{ ...own, status: 'failed' as const }] };
    expect(verdictOf({ ...came, validation: broken }).verdict).toBe('failed');
    expect(verdictOf({ ...came, validation: { ...broken, checks: [{ ...own, status: 'unproven' }] } }).verdict).toBe(
      'unproven',
    );
  });

  it('is unproven, and claims no fence, where it was never compared there', () => {
    const evidence = evidenceOf({ ...came, atFence: undefined });
    expect(evidence.verdict).toBe('unproven');
    expect(evidence).not.toHaveProperty('fence');
    expect(evidence).not.toHaveProperty('beyond');
  });
});
