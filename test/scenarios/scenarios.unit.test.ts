import { describe, expect, it } from 'vitest';

import type { ScenarioFacts } from '../../src/scenarios/facts.js';
import { afterFailover, longestChain, oldest, random, sourceLost } from '../../src/scenarios/scenarios.js';
import { compareLsn } from '../../src/postgres/lsn.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import type { RecordedFence } from '../../src/schema/results.js';

const backup = (id: string, endLsn: string, parent?: string, timeline = 1): BackupRecord =>
  ({
    id,
    endLsn,
    timeline,
    finishedAt: '2026-11-01T00:00:00.000Z',
    ...(parent === undefined ? {} : { parent }),
  }) as BackupRecord;
const fence = (drill: string, lsn: string): RecordedFence =>
  ({ drill, fence: { lsn, timeline: 1, takenAt: '2026-11-02T00:00:00.000Z' } }) as RecordedFence;

const backups = [
  backup('f1', '0/1000'),
  backup('i2', '0/2000', 'f1'),
  backup('i3', '0/3000', 'i2'),
  backup('f4', '0/4000'),
];
const facts = (change: Partial<ScenarioFacts> = {}): ScenarioFacts => ({
  ...{ cluster: 'shop', backups, all: change.backups ?? backups, history: [{ timeline: 1 }], endLsn: '0/9000' },
  fences: [fence('d1', '0/1800'), fence('d2', '0/5000')],
  leadsTo: ({ endLsn }, lsn) => compareLsn(endLsn, lsn) <= 0,
  ...change,
});

describe('scenarios', () => {
  it('old is the oldest backup, up to the first known place that it leads to', () => {
    expect(oldest(facts())).toMatchObject({ chain: 'f1', target: 'lsn=0/1800' });
    const broken = facts({ leadsTo: ({ id }, lsn) => id === 'f4' && lsn === '0/5000' });
    expect(oldest(broken)).toMatchObject({
      chain: 'f1',
      target: 'immediate',
      notCompared: expect.any(String) as string,
    });
  });

  it('random draws the same for the same seed, a known place where there is any', () => {
    const seeds = Array.from({ length: 40 }, (_, seed) => seed);
    const drawn = seeds.map((seed) => random(facts(), seed).target);
    expect(new Set(drawn)).toEqual(new Set(['lsn=0/1800', 'lsn=0/5000']));
    expect(seeds.map((seed) => random(facts(), seed).target)).toEqual(drawn);
    const anywhere = seeds.map((seed) => random(facts({ fences: [] }), seed));
    expect(new Set(anywhere.map(({ target }) => target)).size).toBeGreaterThan(20);
    for (const { target, notCompared } of anywhere) {
      const lsn = target.replace('lsn=', '');
      expect(compareLsn(lsn, '0/1000') >= 0 && compareLsn(lsn, '0/9000') <= 0).toBe(true);
      expect(notCompared).toBeDefined();
    }
  });

  it('longest-chain has the most links of those that lead to now; the newest of equals', () => {
    expect(longestChain(facts())).toMatchObject({ chain: 'i3', target: 'fence' });
    const lost = facts({ leadsTo: ({ id }) => id !== 'i3' });
    expect(longestChain(lost)).toMatchObject({
      chain: 'i2',
      why: expect.stringContaining('that of i3 has 3') as string,
    });
    expect(() => longestChain(facts({ leadsTo: () => false }))).toThrow(/No chain leads/);
  });

  it('after-failover crosses the switch, from the newest backup before it', () => {
    expect(() => afterFailover(facts())).toThrow(/There was no failover/);
    const history = [{ timeline: 1, endLsn: '0/3500' }, { timeline: 2 }];
    const promoted = [...backups.slice(0, 3), backup('f4', '0/4000', undefined, 2)];
    expect(afterFailover(facts({ history, backups: promoted }))).toMatchObject({ chain: 'i3', target: 'fence' });
    expect(() => afterFailover(facts({ history, backups: promoted.slice(3) }))).toThrow(/No backup that is older/);
    // One that was taken on the old timeline after the new one had left it does not lead there.
    const late = [...promoted.slice(0, 1), backup('f5', '0/3600')];
    expect(afterFailover(facts({ history, backups: late }))).toMatchObject({ chain: 'f1' });
  });

  it('source-lost restores all that there is, and is compared on the way', () => {
    expect(sourceLost(facts())).toMatchObject({ target: 'latest', onTheWay: true });
  });
});
