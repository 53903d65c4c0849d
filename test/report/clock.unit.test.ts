import { describe, expect, it } from 'vitest';

import { judgeObjectives, readClock, type ClockInput } from '../../src/report/clock.js';
import type { Approval, Opened, Phase, Plan, Prepared, Replay, Rpo, Validation } from '../../src/schema/results.js';

const at = (second: number): string => new Date(Date.UTC(2026, 10, 22, 2, 0, second)).toISOString();

const approval = (opened: number, decided: number): Approval => ({
  gate: 'restore',
  decision: 'approved',
  by: 'ann',
  reason: '',
  openedAt: at(opened),
  decidedAt: at(decided),
});

const plan: Plan = {
  orderedAt: at(0),
  chain: [{ id: 'f', type: 'full', startLsn: '0/1', endLsn: '0/2', sizeBytes: 1 }],
  target: { requested: 'latest', settings: {}, timeline: 1 },
  wal: { from: '0/1', to: '0/2', bytes: 1 },
  warnings: [],
  phases: [{ name: 'plan', seconds: 2 }],
};
const prepared: Prepared = {
  sandbox: {
    id: 's',
    directory: '/s',
    dataDirectory: '/s/data',
    socketDirectory: '/t',
    port: 5432,
    superuser: 'postgres',
  },
  phases: [
    { name: 'verify', seconds: 10, bytes: 1 },
    { name: 'combine', seconds: 5, bytes: 1 },
  ],
  restoredBytes: 1,
};
const replay: Replay = { paused: true, reachedLsn: '0/2', replayedBytes: 1, phases: [{ name: 'replay', seconds: 8 }] };
const opened: Opened = { openedAt: at(100), timeline: 2, phases: [{ name: 'open', seconds: 1 }] };
const validation: Validation = {
  checks: [],
  notCompared: [],
  phases: [{ name: 'validate', seconds: 20 }],
  finishedAt: at(125),
};
const whole: ClockInput = {
  plan,
  prepared,
  replay,
  opened,
  validation,
  approvals: [approval(10, 40), approval(60, 90)],
};

describe('the clock', () => {
  it('counts from the order to the first write, without the time that waited for humans', () => {
    expect(readClock(whole)).toMatchObject({ rtoSeconds: 40, waitedForHumansSeconds: 60, rtoToProvenSeconds: 65 });
  });

  it('says what is left beside the phases, so that they add up', () => {
    const { phases, otherSeconds, rtoSeconds } = readClock(whole);
    expect(phases.map(({ name }) => name)).toEqual(['plan', 'verify', 'combine', 'replay', 'open', 'validate']);
    expect(otherSeconds).toBe(40 - (2 + 10 + 5 + 8 + 1));
    const restoring = phases.filter(({ name }) => name !== 'validate').reduce((sum, { seconds }) => sum + seconds, 0);
    expect(restoring + otherSeconds!).toBe(rtoSeconds);
  });

  it('does not count what waited before the order (a gate for something else)', () => {
    const early = { ...whole, approvals: [{ ...approval(-50, -20) }] };
    expect(readClock(early)).toMatchObject({ rtoSeconds: 100, waitedForHumansSeconds: 30 });
  });

  it('has no RTO where the server was never opened', () => {
    const clock = readClock({ plan, prepared, approvals: [approval(10, 40)] });
    expect(clock).toEqual({
      phases: [...plan.phases, ...prepared.phases],
      waitedForHumansSeconds: 30,
    });
  });

  it('has an RTO without validation, but none to proven', () => {
    const clock = readClock({ ...whole, validation: undefined });
    expect(clock.rtoSeconds).toBe(40);
    expect(clock).not.toHaveProperty('rtoToProvenSeconds');
  });

  describe('and the phases together', () => {
    const span = (name: Phase['name'], from: number, to: number, seconds = to - from): Phase => ({
      name,
      seconds,
      startedAt: at(from),
      finishedAt: at(to),
    });
    const timed: ClockInput = {
      plan: { ...plan, phases: [span('plan', 0, 2)] },
      prepared: { ...prepared, phases: [span('verify', 2, 12), span('combine', 12, 17)] },
      replay: { ...replay, phases: [span('replay', 17, 25)] },
      opened: { ...opened, openedAt: at(60), phases: [{ ...span('open', 40, 60), attempts: 2 }] },
      approvals: [approval(26, 39)],
    };
    const restoring = ({ phases }: ReturnType<typeof readClock>): number =>
      phases.reduce((sum, { seconds }) => sum + seconds, 0);

    it('a step that was tried again counts from its first scheduling, and never beyond the RTO', () => {
      const clock = readClock(timed);
      expect(clock.rtoSeconds).toBe(47);
      expect(restoring(clock) + clock.otherSeconds!).toBeCloseTo(47);
      expect(clock).not.toHaveProperty('clockSetBackSeconds');
    });

    it('a wait during which a phase was at work is that phase’s time', () => {
      // The gate is said to have been open until second 45, but the step behind it was scheduled at 40.
      const clock = readClock({ ...timed, approvals: [approval(26, 45)] });
      expect(clock.rtoSeconds).toBe(60 - 14);
      expect(restoring(clock)).toBeLessThanOrEqual(clock.rtoSeconds!);
    });

    it('waits that overlap count once', () => {
      const clock = readClock({ ...timed, approvals: [approval(26, 36), approval(30, 39)] });
      expect(clock.rtoSeconds).toBe(47);
    });

    it('what was compared before the server was opened is validation: in the time until it was proven, not in the RTO', () => {
      const replays = { ...replay, phases: [span('replay', 17, 20), span('replay', 31, 36)] };
      const atFence: Validation = { ...validation, phases: [span('validate', 20, 30)] };
      const late: Validation = { ...validation, phases: [span('validate', 60, 65)], finishedAt: at(65) };
      const clock = readClock({ ...timed, replay: replays, atFence, validation: late, approvals: [approval(37, 39)] });
      expect(clock.rtoSeconds).toBe(60 - 10 - 2);
      expect(clock.otherSeconds).toBe(48 - (2 + 10 + 5 + 3 + 5 + 20));
      expect(clock.rtoToProvenSeconds).toBe(48 + 10 + 5);
    });

    it('where the wall clock was set back, the RTO is their sum, and it is said', () => {
      // Verification took 10 s by a clock that does not jump; the wall clock, set back by 30 s at the gate, has the server open at 30.
      const clock = readClock({
        ...timed,
        opened: { ...opened, openedAt: at(30), phases: [span('open', 10, 30)] },
        approvals: [approval(26, 9)],
      });
      expect(clock.rtoSeconds).toBe(2 + 10 + 5 + 8 + 20);
      expect(clock.clockSetBackSeconds).toBe(15);
      expect(clock.otherSeconds).toBe(0);
      expect(clock.waitedForHumansSeconds).toBe(0);
    });
  });

  it('is unknown where clocks were set back: 0 would meet every objective', () => {
    const clock = readClock({ ...whole, opened: { ...opened, openedAt: at(-5) } });
    expect(clock).not.toHaveProperty('rtoSeconds');
    expect(clock).not.toHaveProperty('rtoToProvenSeconds');
    expect(judgeObjectives({ rto: '1h', rtoSeconds: 3_600 }, clock.rtoSeconds, undefined)[0]).toMatchObject({
      status: 'unknown',
    });
  });
});

describe('objectives', () => {
  const rpo: Rpo = {
    seconds: 61,
    bytes: 1,
    transactions: 1,
    failureAt: at(0),
    sourceLsn: '0/2',
    repositoryLsn: '0/1',
  };

  it('are met up to and with their limit, and missed beyond', () => {
    expect(judgeObjectives({ rto: '40s', rtoSeconds: 40, rpo: '1m', rpoSeconds: 60 }, 40, rpo)).toEqual([
      { name: 'rto', objective: '40s', actualSeconds: 40, status: 'met' },
      { name: 'rpo', objective: '1m', actualSeconds: 61, status: 'missed' },
    ]);
  });

  it('RPO is held against the worst that is known', () => {
    const worst = { since: at(0), until: at(90), segments: 3 };
    const rpoOf = (of: Rpo): unknown => judgeObjectives({ rpo: '70s', rpoSeconds: 70 }, undefined, of)[1];
    expect(rpoOf({ ...rpo, worst: { ...worst, seconds: 80 } })).toMatchObject({ actualSeconds: 80, status: 'missed' });
    expect(rpoOf({ ...rpo, worst: { ...worst, unknown: 'a stream' } })).toMatchObject({
      actualSeconds: 61,
      status: 'met',
    });
  });

  it('are unknown without a limit, or without a figure', () => {
    expect(judgeObjectives({ rto: '40s', rtoSeconds: 40 }, undefined, rpo)).toEqual([
      { name: 'rto', objective: '40s', status: 'unknown' },
      { name: 'rpo', actualSeconds: 61, status: 'unknown' },
    ]);
  });
});
