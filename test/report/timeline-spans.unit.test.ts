import { describe, expect, it } from 'vitest';

import { boundBy } from '../../src/report/bound-by.js';
import { inTheirOrder, placeOnClock } from '../../src/report/html/timeline-spans.js';
import type { Approval, Phase } from '../../src/schema/results.js';

const at = (second: number): string => new Date(Date.UTC(2026, 10, 22, 2, 0, 0) + second * 1_000).toISOString();
const phase = (name: Phase['name'], from: number, to: number): Phase => ({
  name,
  seconds: to - from,
  startedAt: at(from),
  finishedAt: at(to),
});
const wait = (openedAt: number, decidedAt: number): Approval => ({
  gate: 'promote',
  decision: 'approved',
  by: 'ann',
  reason: '',
  openedAt: at(openedAt),
  decidedAt: at(decidedAt),
});

describe('the timeline', () => {
  const phases = [phase('plan', 0, 1), phase('replay', 2, 10), phase('open', 15, 17), phase('validate', 18, 25)];

  it('has the wait for a human as a bar of its own, where it was', () => {
    const placed = placeOnClock(phases, [wait(10, 15)])!;
    expect(placed.cut).toBe(false);
    expect(placed.spans.map(({ name, from, seconds }) => [name, from, seconds])).toEqual([
      ['plan', 0, 1],
      ['replay', 2, 8],
      ['gate promote', 10, 5],
      ['open', 15, 2],
      ['validate', 18, 7],
    ]);
  });

  it('tells apart what came twice, as after a retarget', () => {
    const twice = [phase('plan', 0, 1), phase('replay', 2, 10), phase('plan', 11, 12), phase('replay', 12, 13)];
    const names = placeOnClock(twice, [])!.spans.map(({ name }) => name);
    expect(names).toEqual(['plan', 'replay', 'plan again', 'replay again']);
  });

  it('draws a wait of a day shorter, says so, and keeps its true figure', () => {
    const late = [phase('replay', 0, 8), phase('open', 86_408, 86_410)];
    const placed = placeOnClock(late, [wait(8, 86_408)])!;
    expect(placed.cut).toBe(true);
    expect(placed.spans[1]).toMatchObject({ from: 8, seconds: 10, label: '24 h 0 min' });
    expect(placed.spans[2]).toMatchObject({ name: 'open', from: 18, seconds: 2 });
  });

  it('says how often a phase was tried', () => {
    expect(placeOnClock([{ ...phase('open', 0, 9), attempts: 2 }], [])!.spans[0]!.label).toBe('9.0 s (2 tries)');
  });

  it('is in the phases’ order only, for evidence that knows no times', () => {
    const old: Phase[] = [
      { name: 'plan', seconds: 1 },
      { name: 'open', seconds: 2 },
      { name: 'validate', seconds: 3 },
    ];
    expect(placeOnClock(old, [wait(0, 5)])).toBeUndefined();
    const spans = inTheirOrder({ phases: old, waitedForHumansSeconds: 5, otherSeconds: 4 });
    expect(spans.map(({ name, from }) => [name, from])).toEqual([
      ['plan', 0],
      ['open', 1],
      ['between', 3],
      ['validate', 7],
    ]);
  });
});

describe('what bounded a phase', () => {
  const looks = { looks: 40, cpu: 0, disk: 0, wal: 0, other: 0 };

  it('is what it was mostly seen doing', () => {
    expect(boundBy({ samples: { ...looks, cpu: 0.2, disk: 0.8 } })).toBe('disk 80 % of 40 samples');
    expect(boundBy({ samples: { ...looks, wal: 0.51, cpu: 0.49 } })).toBe('WAL arrival 51 % of 40 samples');
  });

  it('is mixed where nothing was most of it', () => {
    expect(boundBy({ samples: { ...looks, cpu: 0.4, disk: 0.35, wal: 0.25 } })).toBe(
      'mixed: CPU 40 %, disk 35 % of 40 samples',
    );
  });

  it('is not told of a few looks, or of none', () => {
    expect(boundBy({ samples: { ...looks, looks: 9, cpu: 1 } })).toBeUndefined();
    expect(boundBy({})).toBeUndefined();
  });
});
