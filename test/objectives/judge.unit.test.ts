import { describe, expect, it } from 'vitest';

import { judgeCluster, unknownCluster } from '../../src/objectives/judge.js';
import type { ObjectiveDrill } from '../../src/objectives/read-drills.js';

const now = new Date('2026-11-24T12:00:00.000Z');
const hour = 3_600_000;
const cluster = {
  name: 'shop',
  objectives: {
    rto: '15m',
    rtoSeconds: 900,
    rpo: '1m',
    rpoSeconds: 60,
    provenWithin: '7d',
    provenWithinSeconds: 604_800,
  },
};

function drill(hoursAgo: number, change: Partial<ObjectiveDrill> = {}): ObjectiveDrill {
  return {
    formatVersion: 1,
    kind: 'drill',
    id: `drill-${hoursAgo}`,
    finishedAt: new Date(now.getTime() - hoursAgo * hour).toISOString(),
    verdict: 'passed',
    chain: [{ id: 'full', sizeBytes: 1e9 }],
    restoredBytes: 1e9,
    replay: { replayedBytes: 1e8 },
    rpo: { seconds: 2 },
    clock: { phases: [], rtoSeconds: 100 },
    ...change,
  };
}

const statuses = (drills: readonly ObjectiveDrill[], of = cluster): (string | undefined)[] => {
  const { status, objectives } = judgeCluster(of, drills, now);
  return [status, ...objectives.map((each) => each.status)];
};

describe('a cluster’s objectives', () => {
  it('are met by the newest drill, and say which it was', () => {
    const { status, objectives } = judgeCluster(cluster, [drill(50), drill(2)], now);
    expect(status).toBe('met');
    expect(objectives.map(({ name, status: each, actualSeconds }) => [name, each, actualSeconds])).toEqual([
      ['rto', 'met', 100],
      ['rpo', 'met', 2],
      ['proven_within', 'met', 7_200],
    ]);
    expect(objectives.every(({ drill: by, how }) => by === 'drill-2' && how.includes('drill-2'))).toBe(true);
  });

  it('say of which moment the proof is, where an earlier drill’s fence was compared with', () => {
    const fence = { lsn: '0/5000060', takenAt: '2026-11-01T00:00:00.000Z' };
    const howOf = (change: Partial<ObjectiveDrill>): string | undefined =>
      judgeCluster(cluster, [drill(2, { fence, ...change })], now).objectives[2]?.how;
    expect(howOf({ fenceOf: 'drill-1' })).toMatch(
      /ago, compared with the source as it was at 0\/5000060 \(2026-11-01 00:00:00 UTC\)\.$/,
    );
    expect(howOf({})).not.toContain('compared');
  });

  it('are missed beyond their limit, and met up to it', () => {
    expect(statuses([drill(1, { clock: { phases: [], rtoSeconds: 900 }, rpo: { seconds: 60 } })])).toEqual([
      'met',
      'met',
      'met',
      'met',
    ]);
    expect(statuses([drill(1, { clock: { phases: [], rtoSeconds: 900.1 } })])).toEqual([
      'missed',
      'missed',
      'met',
      'met',
    ]);
  });

  it('RPO is the worst that is known: a lucky moment does not meet it', () => {
    expect(statuses([drill(1, { rpo: { seconds: 2, worst: { seconds: 61 } } })])[2]).toBe('missed');
    expect(statuses([drill(1, { rpo: { seconds: 2, worst: {} } })])[2]).toBe('met');
  });

  it('proof that is too old is missed, and so is none at all', () => {
    expect(statuses([drill(24 * 7 + 1)])).toEqual(['missed', 'met', 'met', 'missed']);
    expect(statuses([drill(1, { verdict: 'unproven' })])).toEqual(['missed', 'met', 'met', 'missed']);
    expect(statuses([])).toEqual(['missed', 'unknown', 'unknown', 'missed']);
  });

  it('a drill that failed measures nothing, and does not take away an earlier proof', () => {
    const failed = drill(1, { verdict: 'failed', clock: { phases: [], rtoSeconds: 1 } });
    const { objectives } = judgeCluster(cluster, [drill(30), failed], now);
    expect(objectives[0]).toMatchObject({ actualSeconds: 100, drill: 'drill-30' });
    expect(objectives[2]).toMatchObject({ status: 'met', drill: 'drill-30' });
    expect(objectives[2]!.how).toContain('1 later drill did not pass.');
  });

  it('a figure that nobody measured is unknown, and so is the whole', () => {
    const unmeasured = drill(1);
    delete unmeasured.rpo;
    expect(statuses([unmeasured])).toEqual(['unknown', 'met', 'unknown', 'met']);
    expect(statuses([drill(1)], { name: 'shop', objectives: {} as typeof cluster.objectives })).toEqual([
      'unknown',
      'unknown',
      'unknown',
      'unknown',
    ]);
  });

  it('of a repository that cannot be read are unknown, never missed', () => {
    const { status, objectives } = unknownCluster(cluster, 'It is not mounted.', now);
    expect(status).toBe('unknown');
    expect(objectives.map((each) => [each.limitSeconds, each.status, each.how])).toEqual([
      [900, 'unknown', 'It is not mounted.'],
      [60, 'unknown', 'It is not mounted.'],
      [604_800, 'unknown', 'It is not mounted.'],
    ]);
  });

  it('evidence from the future proves nothing of now', () => {
    expect(statuses([drill(-2)])).toEqual(['unknown', 'met', 'met', 'unknown']);
  });
});

describe('what would bring the RTO back', () => {
  const slow = drill(1, {
    chain: [
      { id: 'full', sizeBytes: 100e9 },
      { id: 'i1', sizeBytes: 50e9 },
      { id: 'i2', sizeBytes: 50e9 },
    ],
    restoredBytes: 110e9,
    clock: {
      rtoSeconds: 1_000,
      phases: [
        { name: 'verify', seconds: 400, bytes: 200e9 },
        { name: 'combine', seconds: 180, bytes: 110e9 },
        { name: 'replay', seconds: 400, bytes: 8e9, samples: { looks: 4_000, cpu: 0.9, disk: 0.1, wal: 0, other: 0 } },
      ],
    },
  });

  it('is less WAL to replay, a shorter chain, and the phase that took longest', () => {
    const { remedies } = judgeCluster(cluster, [slow], now);
    expect(remedies).toEqual([
      'More frequent incremental backups: Replaying 8.0 GB of WAL took 6 min 40 s. With at most 6.0 GB to replay it would be met: an incremental about 1.3 times as often.',
      'Consolidation (pgdrill consolidate): the chain has 3 links of 200.0 GB together. Made one full backup, verifying would take about 3 min 0 s less; combining less, too.',
      'The longest phase is verify: 6 min 40 s.',
    ]);
  });

  it('says what each is not enough for', () => {
    const tight = { ...cluster, objectives: { ...cluster.objectives, rtoSeconds: 300 } };
    const { remedies } = judgeCluster(tight, [slow], now);
    expect(remedies[0]).toContain('Even without any the RTO would stay 5 min 0 s beyond its objective.');
    expect(remedies[1]).toContain(', of the 11 min 40 s that are needed');
  });

  it('is nothing while the objective is met, or none is set', () => {
    expect(judgeCluster(cluster, [drill(1)], now).remedies).toEqual([]);
    expect(judgeCluster({ name: 'shop', objectives: {} }, [slow], now).remedies).toEqual([]);
  });
});
