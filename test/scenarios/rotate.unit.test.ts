import { describe, expect, it } from 'vitest';

import { TargetError } from '../../src/errors.js';
import type { PastDrill } from '../../src/scenarios/past-drills.js';
import { orderByRisk, rotate } from '../../src/scenarios/rotate.js';
import { type ScenarioName, scenarioNameSchema } from '../../src/schema/scenario.js';

const now = new Date('2026-11-28T00:00:00Z');
const past = (scenario: ScenarioName, day: number, verdict: PastDrill['verdict'] = 'passed'): PastDrill => ({
  scenario,
  finishedAt: `2026-11-${String(day).padStart(2, '0')}T00:00:00.000Z`,
  verdict,
  restored: verdict !== 'failed',
});
const order = (drills: readonly PastDrill[]): ScenarioName[] => orderByRisk(drills, now).map(({ name }) => name);

describe('the rotation', () => {
  it('begins with those never drilled, now first', () => {
    expect(order([])).toEqual(scenarioNameSchema.options);
    expect(order([past('now', 1)]).at(-1)).toBe('now');
  });

  it('takes what was not proven for longest, whatever was drilled since without proof', () => {
    const all = scenarioNameSchema.options.map((name, index) => past(name, 10 + index));
    expect(order(all)).toEqual(scenarioNameSchema.options);
    // A failed drill is no proof: its scenario comes again.
    expect(order([...all, past('now', 27, 'failed')])[0]).toBe('now');
    expect(order([...all, past('now', 27)])[0]).toBe('source-lost');
  });

  it('counts an unproven drill, but ages it twice as fast, so that none is taken for ever', () => {
    const all = scenarioNameSchema.options.map((name) => past(name, 20));
    // Unproven 5 days ago counts as 10 days, proven 8 days ago.
    expect(order([...all, past('old', 23, 'unproven')]).at(-1)).not.toBe('old');
    expect(order([...all, past('old', 25, 'unproven')]).at(-1)).toBe('old');
    // A lost source can be proven, too: it is no exception.
    expect(order([...all, past('source-lost', 23, 'unproven')]).at(-1)).not.toBe('source-lost');
    expect(order([...all, past('source-lost', 23)]).at(-1)).toBe('source-lost');
  });

  it('passes over what is not possible, and says so', async () => {
    const chosen = await rotate(orderByRisk([past('now', 1), past('source-lost', 2, 'unproven')], now), (name) => {
      if (name === 'oops') throw new TargetError({ what: 'No bad one.', means: '', todo: '' });
      return Promise.resolve({ name, target: 'fence', why: 'because' });
    });
    expect(chosen).toMatchObject({ name: 'old', why: 'never drilled without a failure; because' });
    expect(chosen.rotation?.map(({ name }) => name)).toEqual([
      'old',
      'oops',
      ...scenarioNameSchema.options.filter((name) => ['random', 'longest-chain', 'after-failover'].includes(name)),
      'source-lost',
      'now',
    ]);
    expect(chosen.rotation?.[1]).toMatchObject({ impossible: 'No bad one.' });
  });

  it('gives up where nothing is possible; another error is not taken for that', async () => {
    const fails = (error: Error) => rotate(orderByRisk([], now), () => Promise.reject(error));
    await expect(fails(new TargetError({ what: 'No.', means: '', todo: '' }))).rejects.toThrow(/No scenario/);
    await expect(fails(new Error('disk'))).rejects.toThrow('disk');
  });
});
