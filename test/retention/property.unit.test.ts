import { describe, expect, it } from 'vitest';

import { compareLsn, bigIntToLsn, lsnToBigInt } from '../../src/postgres/lsn.js';
import { chainOf } from '../../src/repository/chains.js';
import { heldBackups, isInForce } from '../../src/repository/holds.js';
import { standingOf } from '../../src/repository/proven.js';
import { continuityFrom } from '../../src/repository/wal-archive.js';
import type { RetentionFacts } from '../../src/retention/facts.js';
import { planRetention } from '../../src/retention/plan.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import { dayMs, hourMs, randomFrom, segmentSizeBytes, settingsOf, World } from './world.js';

/** How far replay gets, by the function that restores plan with; remembered for a stretch of WAL, since it is asked often. */
function reachOf(facts: RetentionFacts, timeline: number): (backup: BackupRecord) => bigint {
  const known = new Map<bigint, bigint>();
  const history = facts.wal.histories.get(timeline)!;
  return ({ endLsn }) => {
    const segment = lsnToBigInt(endLsn) / BigInt(segmentSizeBytes);
    const found =
      known.get(segment) ?? lsnToBigInt(continuityFrom(facts.wal.archive, history, endLsn).endLsn ?? endLsn);
    known.set(segment, found);
    return found > lsnToBigInt(endLsn) ? found : lsnToBigInt(endLsn);
  };
}

function isWhole(backups: readonly BackupRecord[], id: string): boolean {
  try {
    return chainOf(backups, id).length > 0;
  } catch {
    return false;
  }
}

/** The usable backups of a branch. */
function onBranch({ backups, wal }: RetentionFacts, timeline: number): BackupRecord[] {
  const history = wal.histories.get(timeline)!;
  return backups.filter(
    (backup) =>
      isWhole(backups, backup.id) &&
      history.some(
        (span) =>
          span.timeline === backup.timeline &&
          (span.endLsn === undefined || compareLsn(backup.endLsn, span.endLsn) <= 0),
      ),
  );
}

/** All places written in the window that can be restored, as `timeline/lsn`. */
function restorable(world: World, facts: RetentionFacts): Set<string> {
  const found = new Set<string>();
  const windowStart = world.now - world.settings.windowMs;
  for (const timeline of new Set(world.points.map((point) => point.timeline))) {
    const reach = reachOf(facts, timeline);
    const backups = onBranch(facts, timeline).map((backup) => ({
      from: lsnToBigInt(backup.endLsn),
      to: reach(backup),
      at: Date.parse(backup.finishedAt),
    }));
    for (const { lsn, at } of world.points.filter((point) => point.timeline === timeline && point.at >= windowStart)) {
      // A moment is restored from a backup that was finished by then (src/restore/resolve-target.ts).
      if (backups.some(({ from, to, at: finished }) => from <= lsn && lsn <= to && finished <= at))
        found.add(`${timeline}/${bigIntToLsn(lsn)}`);
    }
  }
  return found;
}

/** A random life of some weeks, with retention each day; `look` sees the world after each. */
function live(seed: number, look: (world: World) => void): World {
  const random = randomFrom(seed);
  const chance = (probability: number): boolean => random() < probability;
  const days = (most: number): number => Math.ceil(random() * most) * dayMs;
  const world = new World(
    settingsOf({
      windowMs: days(10),
      keepUnscheduledMs: days(15),
      minFulls: 1 + Math.floor(random() * 3),
      minimumProven: 1 + Math.floor(random() * 2),
      graceMs: chance(0.3) ? 0 : days(2),
      policyKeepMs: { full: days(20), hourly: days(5) },
    }),
    random,
  );
  const everyFull = 12 + Math.floor(random() * 60);
  const everyIncremental = 3 + Math.floor(random() * 20);
  const [gaps, promotions] = [chance(0.5) ? 0.004 : 0, chance(0.5) ? 0.004 : 0];
  for (let hour = 0; hour < 24 * 24; hour += 1) {
    world.pass(hourMs, random() * 2, { gap: chance(gaps) });
    if (hour % everyFull === 0) world.backup('full', chance(0.8) ? { policy: 'full' } : {});
    else if (hour % everyIncremental === 0) {
      const unsafe = chance(0.05) ? { unsafe: ['wrong'] } : {};
      world.backup(chance(0.2) ? 'differential' : 'incremental', { policy: 'hourly', ...unsafe });
    }
    if (chance(promotions)) {
      world.promote(chance(0.5) ? random() * 4 : 0);
      if (chance(0.7)) world.backup('full', { policy: 'full' });
    }
    const some = world.backups[Math.floor(random() * world.backups.length)];
    if (some !== undefined && chance(0.02) && isWhole(world.backups, some.id))
      world.drill(chainOf(world.backups, some.id), chance(0.85) ? 'passed' : 'failed');
    if (some !== undefined && chance(0.005)) {
      world.hold({
        ...(chance(0.8) ? { backups: [some.id] } : {}),
        ...(chance(0.3) ? { wal: { from: some.startLsn, timeline: some.timeline } } : {}),
        ...(chance(0.7) ? { until: new Date(world.now + days(8)).toISOString() } : {}),
      });
    }
    if (hour % 24 !== 4) continue;
    world.carryOut(planRetention(world.facts(), true));
    look(world);
  }
  return world;
}

const seeds = Array.from({ length: 12 }, (_, index) => index + 1);

describe('whatever happened, after retention', () => {
  it(
    'every moment of the window can be restored as before; what is held, proven last or built upon is there',
    { timeout: 120_000 },
    () => {
      const seen = { moments: 0, deleted: 0, held: 0, proven: 0 };
      for (const seed of seeds) {
        const world = live(seed, (each) => {
          const name = `seed ${seed}, ${new Date(each.now).toISOString()}`;
          const ever = restorable(each, each.facts({ backups: each.allBackups, files: each.allFiles }));
          const now = restorable(each, each.facts());
          expect(
            [...ever].filter((point) => !now.has(point)),
            name,
          ).toEqual([]);
          seen.moments += ever.size;
          expectChains(each, name);
          seen.held += expectHeld(each, name);
          if (newestProven(each, each.allBackups) !== undefined) {
            expect(newestProven(each, each.backups), name).toBeDefined();
            seen.proven += 1;
          }
        });
        seen.deleted += world.allBackups.length - world.backups.length;
      }
      // Not for lack of cases.
      expect(seen.moments).toBeGreaterThan(10_000);
      expect(seen.deleted).toBeGreaterThan(200);
      expect(seen.held).toBeGreaterThan(50);
      expect(seen.proven).toBeGreaterThan(50);
    },
  );

  it('what could go is gone', { timeout: 120_000 }, () => {
    for (const seed of seeds) {
      const world = live(seed, () => undefined);
      world.holds = [];
      world.drills = world.drills.filter(({ verdict }) => verdict === 'passed');
      // Twice: what a deleted backup was the last to need goes with the next run, and each takes its grace.
      for (let run = 0; run < 4; run += 1) {
        world.carryOut(planRetention(world.facts(), true));
        world.pass(world.settings.graceMs);
      }
      world.carryOut(planRetention(world.facts(), true));
      for (const backup of world.backups) {
        const rest = world.backups.filter(({ id }) => id !== backup.id);
        const needed =
          world.backups.some(({ parent }) => parent === backup.id) ||
          Date.parse(backup.finishedAt) + keepMs(world, backup) > world.now - world.settings.graceMs * 2 ||
          newestFulls(world).includes(backup.id) ||
          provenToKeep(world).includes(backup.id) ||
          world.backups.findLast(({ id }) => isWhole(world.backups, id))?.id === backup.id ||
          isAnchor(world, backup) ||
          restorable(world, world.facts({ backups: rest, files: world.files })).size <
            restorable(world, world.facts()).size ||
          losesReach(world, backup);
        expect(needed, `seed ${seed}: ${backup.id} is kept for nothing`).toBe(true);
      }
      if (world.histories.size > 1) continue;
      const anchors = world.backups.filter((backup) => isWhole(world.backups, backup.id));
      const first =
        anchors
          .filter(
            ({ finishedAt }) =>
              Date.parse(finishedAt) <= world.now - world.settings.graceMs * 3 - world.settings.windowMs,
          )
          .at(-1) ?? anchors[0]!;
      for (const file of world.files) {
        const after = file.segment! >= lsnToBigInt(first.startLsn) / BigInt(segmentSizeBytes);
        expect(after || world.backups.some((backup) => isOf(file, backup)), `seed ${seed}: ${file.name}`).toBe(true);
      }
    }
  });
});

/** What is there has all that it builds on, and the WAL from its own start to its end as far as that ever was there. */
function expectChains(world: World, name: string): void {
  const ids = new Set(world.backups.map(({ id }) => id));
  const files = new Set(world.files.map((file) => file.name));
  for (const { parent } of world.backups)
    if (parent !== undefined) expect(ids.has(parent), `${name}: ${parent}`).toBe(true);
  for (const backup of world.backups) {
    for (const file of world.allFiles.filter((each) => isOf(each, backup)))
      expect(files.has(file.name), `${name}: ${file.name} of ${backup.id}`).toBe(true);
  }
  for (const { timeline } of world.backups.filter((backup) => backup.timeline > 1))
    expect(files.has(`${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`), name).toBe(true);
}

/** What is held, by those who asked for it while it was there. @returns how many backups and files that were. */
function expectHeld(world: World, name: string): number {
  const [ids, files] = [new Set(world.backups.map(({ id }) => id)), new Set(world.files.map((file) => file.name))];
  const now = new Date(world.now);
  let seen = 0;
  for (const hold of world.holds.filter((each) => isInForce(each, now))) {
    for (const id of heldBackups([hold], world.allBackups, now).keys())
      expect(ids.has(id), `${name}: ${id}`).toBe(true);
    seen += hold.backups.length;
    if (hold.wal === undefined) continue;
    const first = lsnToBigInt(hold.wal.from) / BigInt(segmentSizeBytes);
    for (const file of world.allFiles) {
      if (file.timeline !== hold.wal.timeline || file.segment === undefined || file.segment < first) continue;
      if (file.mtimeMs < Date.parse(hold.since)) continue; // it may have gone before
      expect(files.has(file.name), `${name}: ${file.name}`).toBe(true);
      seen += 1;
    }
  }
  return seen;
}

function isOf({ timeline, segment }: { timeline: number; segment?: bigint }, backup: BackupRecord): boolean {
  const of = (lsn: string): bigint => lsnToBigInt(lsn) / BigInt(segmentSizeBytes);
  return (
    timeline === backup.timeline &&
    segment !== undefined &&
    segment >= of(backup.startLsn) &&
    segment <= of(backup.endLsn)
  );
}

function newestProven(world: World, backups: readonly BackupRecord[]): BackupRecord | undefined {
  return backups.findLast(
    (backup) => standingOf(backup, world.drills).standing === 'proven' && isWhole(backups, backup.id),
  );
}

const keepMs = ({ settings }: World, { policy }: BackupRecord): number =>
  (policy === undefined ? undefined : settings.policyKeepMs[policy]) ?? settings.keepUnscheduledMs;

function newestFulls({ backups, settings }: World): string[] {
  return backups
    .filter(({ type }) => type === 'full')
    .slice(-settings.minFulls)
    .map(({ id }) => id);
}

/** On each of the newest fulls with a proven chain, the newest proven backup. */
function provenToKeep(world: World): string[] {
  const { backups, drills, settings } = world;
  const byFull = new Map<string, string>();
  for (const backup of backups.filter((each) => standingOf(each, drills).standing === 'proven'))
    if (isWhole(backups, backup.id)) byFull.set(chainOf(backups, backup.id)[0]!.id, backup.id);
  return [...byFull]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(-settings.minimumProven)
    .map(([, id]) => id);
}

/** From which the window is entered, on any branch. */
function isAnchor(world: World, backup: BackupRecord): boolean {
  const facts = world.facts();
  return [...world.histories.keys()].some((timeline) => {
    const on = onBranch(facts, timeline);
    const entering =
      on.filter(({ finishedAt }) => Date.parse(finishedAt) <= world.now - world.settings.windowMs).at(-1) ?? on[0];
    return entering?.id === backup.id;
  });
}

/** Whether replay gets as far without it: a place between the samples counts, too. */
function losesReach(world: World, backup: BackupRecord): boolean {
  const facts = world.facts();
  return [...world.histories.keys()].some((timeline) => {
    const reach = reachOf(facts, timeline);
    const on = onBranch(facts, timeline);
    return (
      on.some(({ id }) => id === backup.id) &&
      !on.some(
        (each) => each.id !== backup.id && compareLsn(each.endLsn, backup.endLsn) < 0 && reach(each) >= reach(backup),
      )
    );
  });
}
