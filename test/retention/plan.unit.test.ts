import { describe, expect, it } from 'vitest';

import { RetentionRefusedError } from '../../src/errors.js';
import type { RetentionFacts } from '../../src/retention/facts.js';
import { planRetention, type RetentionPlan } from '../../src/retention/plan.js';
import { refuseContradiction, refuseNothingLeft } from '../../src/retention/refuse.js';
import { branchesOf } from '../../src/retention/branches.js';
import { dayMs, hourMs, settingsOf, World } from './world.js';

const fates = (plan: RetentionPlan): Record<string, string> =>
  Object.fromEntries(plan.backups.map(({ id, fate }) => [id, fate]));
const reasonsOf = (plan: RetentionPlan, id: string): string[] => plan.backups.find((each) => each.id === id)!.reasons;

/** A full every five days, an incremental each day between, forty days long. */
function daily(change: Parameters<typeof settingsOf>[0] = {}): World {
  const world = new World(settingsOf(change));
  for (let day = 0; day < 40; day += 1) {
    world.backup(day % 5 === 0 ? 'full' : 'incremental');
    for (let hour = 0; hour < 24; hour += 1) world.pass(hourMs, 0.5);
  }
  return world;
}

describe('what is kept', () => {
  it('says of each backup why', () => {
    const world = daily({ keepUnscheduledMs: 2 * dayMs, windowMs: 7 * dayMs });
    const plan = planRetention(world.facts());
    const anchor = world.backups.findLast(({ finishedAt }) => Date.parse(finishedAt) <= world.now - 7 * dayMs)!;
    expect(reasonsOf(plan, anchor.id)[0]).toBe('reaches the start of the window of 7d');
    expect(reasonsOf(plan, anchor.parent!).at(-1)).toBe(`needed by ${anchor.id}`);
    expect(reasonsOf(plan, world.backups.at(-1)!.id)).toContain('younger than 2d (no policy)');
    expect(plan.backups[0]).toMatchObject({ fate: 'mark' });
    expect(plan.backups[0]!.reasons[0]).toMatch(
      /^2d \(no policy\) were over at 2026-01-03 00:00 UTC, and nothing needs it$/,
    );
  });

  it('is kept as long as its policy says, and by the default where that policy is gone', () => {
    const world = new World(
      settingsOf({ windowMs: dayMs, minFulls: 1, policyKeepMs: { yearly: 365 * dayMs }, keepUnscheduledMs: 3 * dayMs }),
    );
    const [yearly, gone] = [world.backup('full', { policy: 'yearly' }), world.backup('full', { policy: 'gone' })];
    for (let day = 0; day < 6; day += 1) {
      world.pass(dayMs, 2);
      world.backup('full');
    }
    expect(fates(planRetention(world.facts()))).toMatchObject({ [yearly.id]: 'keep', [gone.id]: 'mark' });
  });

  it('counts fulls, not incrementals, for the proven minimum, and keeps the last proven chain', () => {
    const world = daily({ keepUnscheduledMs: dayMs, windowMs: dayMs, minFulls: 1, minimumProven: 2 });
    const [first, second, third] = [world.backups.slice(0, 5), world.backups.slice(5, 10), world.backups.slice(10, 15)];
    world.drill(first, 'passed');
    world.drill(second.slice(0, 2), 'passed');
    for (const length of [1, 2, 3]) world.drill(third.slice(0, length), 'passed');
    const plan = fates(planRetention(world.facts()));
    // Three proven backups on the third full are one: the second full's chain is kept as well, the first is not.
    expect(third.map(({ id }) => plan[id])).toEqual(['keep', 'keep', 'keep', 'mark', 'mark']);
    expect(second.map(({ id }) => plan[id])).toEqual(['keep', 'keep', 'mark', 'mark', 'mark']);
    expect(first.map(({ id }) => plan[id])).toEqual(Array(5).fill('mark'));
  });

  it('does not rely on a backup that a drill found wrong', () => {
    const world = daily({ keepUnscheduledMs: dayMs, windowMs: 7 * dayMs, minFulls: 1 });
    const before = planRetention(world.facts());
    const wrong = world.backups.findLast(({ finishedAt }) => Date.parse(finishedAt) <= world.now - 7 * dayMs)!;
    const older = world.backups[world.backups.indexOf(wrong) - 1]!;
    expect(reasonsOf(before, older.id)).not.toContain('reaches the start of the window of 7d');
    world.drill([wrong], 'failed');
    expect(reasonsOf(planRetention(world.facts()), older.id)).toContain('reaches the start of the window of 7d');
  });

  it('is what a hold names, as long as the hold lasts, and everything while a restore is being planned', () => {
    const world = daily({ keepUnscheduledMs: dayMs, windowMs: dayMs, minFulls: 1 });
    const third = world.backups[2]!;
    world.hold({ backups: [third.id], until: new Date(world.now + dayMs).toISOString() });
    expect(fates(planRetention(world.facts()))).toMatchObject({ [third.id]: 'keep', [world.backups[3]!.id]: 'mark' });
    expect(reasonsOf(planRetention(world.facts()), third.id)).toEqual(['hold h1: audit']);
    world.holds[0] = { ...world.holds[0]!, until: new Date(world.now).toISOString() };
    expect(fates(planRetention(world.facts()))).toMatchObject({ [third.id]: 'mark' });
    world.hold({ everything: true });
    const plan = planRetention(world.facts());
    expect([...plan.backups, ...plan.wal].every(({ fate }) => fate === 'keep')).toBe(true);
  });
});

describe('two steps', () => {
  it('deletes only what was marked a grace ago, and children with or before their parents', () => {
    const world = daily({ keepUnscheduledMs: dayMs, windowMs: dayMs, minFulls: 1, graceMs: dayMs });
    const [full, child] = world.backups;
    world.state = {
      ...world.state,
      marks: [{ backup: full!.id, markedAt: new Date(world.now - 2 * dayMs).toISOString(), why: '' }],
    };
    // Its child was never marked: a parent waits for it.
    expect(fates(planRetention(world.facts()))).toMatchObject({ [full!.id]: 'marked', [child!.id]: 'mark' });
    world.carryOut(planRetention(world.facts()));
    world.pass(dayMs - 1);
    expect(fates(planRetention(world.facts()))).toMatchObject({ [full!.id]: 'marked', [child!.id]: 'marked' });
    world.pass(1);
    const plan = planRetention(world.facts());
    expect(fates(plan)).toMatchObject({ [full!.id]: 'delete', [child!.id]: 'delete' });
    expect(plan.wal.filter(({ fate }) => fate === 'delete').length).toBeGreaterThan(100);
  });

  it('keeps the WAL of a marked backup until that goes', () => {
    const world = daily({ keepUnscheduledMs: dayMs, windowMs: dayMs, minFulls: 1, graceMs: dayMs });
    const plan = planRetention(world.facts());
    const longAgo = new Date(world.now - 9 * dayMs).toISOString();
    const [from, to] = [plan.wal[0]!.file.name, plan.wal.at(-1)!.file.name];
    world.state = { ...world.state, walMarks: [{ from, to, markedAt: longAgo }] };
    const next = planRetention(world.facts());
    const first = world.backups[0]!;
    const own = next.wal.find(({ file }) => file.segment === BigInt(`0x${first.startLsn.split('/')[1]!}`) / 2n ** 20n)!;
    expect(own.fate).toBe('marked');
    expect(next.wal.some(({ fate }) => fate === 'delete')).toBe(true);
  });
});

describe('WAL', () => {
  it('of the segment in which a kept backup starts stays, with its label; history files stay with their descendants', () => {
    const world = daily({ keepUnscheduledMs: dayMs, windowMs: dayMs, minFulls: 1 });
    world.promote(3);
    for (let day = 0; day < 4; day += 1) {
      world.backup('full');
      world.pass(dayMs, 4);
    }
    const [anchor] = world.backups.slice(-1);
    const segment = BigInt(`0x${anchor!.startLsn.split('/')[1]!}`) / 2n ** 20n;
    const name = world.files.find((file) => file.timeline === 2 && file.segment === segment)!.name;
    for (const suffix of ['.00000028.backup', '.partial', '.gz']) world.archive(`${name}${suffix}`);
    world.archive('archtemp.file.123'.replace(/.*/, `${name.slice(0, 16)}00000001.lz4`));
    const plan = planRetention(world.facts());
    const fate = (file: string): string | undefined => plan.wal.find((each) => each.file.name === file)?.fate;
    expect([name, `${name}.00000028.backup`, `${name}.partial`, `${name}.gz`, '00000002.history'].map(fate)).toEqual(
      Array(5).fill('keep'),
    );
    expect(fate(`${name.slice(0, 16)}00000001.lz4`)).toBe('mark');
    expect(plan.wal.filter(({ file }) => file.timeline === 1).every((each) => each.fate === 'mark')).toBe(true);
  });

  it('stays whole where a history file is missing, where it is not ours, and where segment sizes differ', () => {
    const world = daily({ keepUnscheduledMs: dayMs, windowMs: dayMs, minFulls: 1 });
    const walFates = (change: (facts: RetentionFacts) => RetentionFacts): [Set<string>, string[]] => {
      const plan = planRetention(change(world.facts()));
      return [new Set(plan.wal.map(({ fate }) => fate)), plan.warnings];
    };
    expect(walFates((facts) => facts)).toEqual([new Set(['mark', 'keep']), []]);
    for (const [change, text] of [
      [{ withoutHistory: [3] }, 'the history file of timeline 3 is missing'],
      [{ owned: false }, 'is not pgdrill’s own'],
    ] as const) {
      const [kept, warnings] = walFates((facts) => ({ ...facts, wal: { ...facts.wal, ...change } }));
      expect(kept).toEqual(new Set(['keep']));
      expect(warnings.join()).toContain(text);
    }
    world.backups[0] = { ...world.backups[0]!, walSegmentSizeBytes: 2 ** 24 };
    expect(walFates((facts) => facts)[0]).toEqual(new Set(['keep']));
  });
});

describe('it refuses', () => {
  const refused = (world: World, accept = false): string => {
    try {
      planRetention(world.facts(), accept);
    } catch (error) {
      if (error instanceof RetentionRefusedError) return error.message;
      throw error;
    }
    return 'not refused';
  };

  it('where a backup, WAL or the last run lies in the future', () => {
    const world = daily();
    expect(refused(world)).toBe('not refused');
    const { now } = world;
    world.now = Date.parse(world.backups.at(-1)!.finishedAt) - hourMs;
    expect(refused(world, true)).toContain('but backup b0040-incremental is of 2026-02-09 00:00 UTC');
    world.now = now - 1.5 * hourMs;
    expect(refused(world, true)).toContain('but WAL file');
    world.now = now;
    world.state = { ...world.state, lastRunAt: new Date(now + hourMs).toISOString() };
    expect(refused(world, true)).toContain('but the last run of retention is of');
  });

  it('where the clock jumped since the last run, until a person says that it is right', () => {
    const world = daily();
    world.state = { ...world.state, lastRunAt: new Date(world.now - 9 * dayMs).toISOString() };
    expect(refused(world)).toMatch(/the last run of retention was at .* more than max_pause \(8d\) ago/);
    expect(refused(world, true)).toBe('not refused');
  });

  it('where no backup was taken for long', () => {
    const world = daily();
    world.now += 9 * dayMs;
    expect(refused(world)).toMatch(/no backup was taken within max_pause \(8d\)/);
    expect(refused(world, true)).toBe('not refused');
  });

  it('where no chain would be left that can be restored', () => {
    const world = daily({ keepUnscheduledMs: dayMs });
    world.backups = world.backups.filter(({ type }) => type !== 'full');
    expect(refused(world)).toMatch(/None of the 32 backups in the repository can be restored/);
    const whole = daily();
    const nothing = {
      backups: planRetention(whole.facts()).backups.map((each) => ({ ...each, fate: 'delete' as const })),
      wal: [],
    };
    expect(() => refuseNothingLeft(whole.facts(), nothing)).toThrow('This would leave no chain');
  });

  it('a plan that would break a promise, whoever made it', () => {
    const world = daily({ keepUnscheduledMs: dayMs, windowMs: 7 * dayMs });
    const facts = world.facts();
    const plan = planRetention(facts);
    const branches = branchesOf(facts, plan.windowStart);
    const check = (change: Partial<RetentionPlan>): void =>
      refuseContradiction(facts, { ...plan, ...change }, branches);
    expect(() => check({})).not.toThrow();
    const kept = plan.backups.filter(({ fate }) => fate === 'keep');
    const without = (id: string): Partial<RetentionPlan> => ({
      backups: plan.backups.map((each) => (each.id === id ? { ...each, fate: 'delete' } : each)),
    });
    const full = kept.find(({ type }) => type === 'full')!;
    expect(() => check(without(full.id))).toThrow(/is kept, but .*-full, which it builds on, is not/);
    const anchor = kept.find(({ reasons }) => reasons[0]?.startsWith('reaches the start') === true)!;
    expect(() => check(without(anchor.id))).toThrow(/lies in the window and could not be restored any more/);
    const last = plan.wal.at(-20)!;
    expect(() => check({ wal: plan.wal.map((each) => (each === last ? { ...each, fate: 'delete' } : each)) })).toThrow(
      /could not be restored any more/,
    );
  });
});
