import type { TimelineSpan } from '../../src/postgres/timeline.js';
import { bigIntToLsn } from '../../src/postgres/lsn.js';
import { segmentName } from '../../src/postgres/wal-segment.js';
import { newestBackup } from '../../src/repository/chains.js';
import type { ProvingDrill } from '../../src/repository/proven.js';
import type { RetentionFacts } from '../../src/retention/facts.js';
import type { RetentionPlan } from '../../src/retention/plan.js';
import type { RetentionSettings } from '../../src/retention/settings.js';
import { emptyState, type RetentionState } from '../../src/retention/state.js';
import { stretchesOf } from '../../src/retention/summary.js';
import { parseWalFileName, type WalFile } from '../../src/retention/wal-file.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import type { Hold } from '../../src/schema/hold.js';

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;
export const segmentSizeBytes = 2 ** 20;
const start = Date.parse('2026-01-01T00:00:00Z');

/** The same numbers for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const settingsOf = (change: Partial<RetentionSettings> = {}): RetentionSettings => ({
  windowMs: 7 * dayMs,
  keepUnscheduledMs: 10 * dayMs,
  minFulls: 2,
  minimumProven: 1,
  graceMs: dayMs,
  maxPauseMs: 8 * dayMs,
  policyKeepMs: {},
  ...change,
});

/** A place in the WAL, and when it was written. */
export interface Point {
  timeline: number;
  lsn: bigint;
  at: number;
}

/** A cluster's life without a disk: backups, WAL, promotions, drills and holds, and what retention leaves of it. */
export class World {
  now = start;
  timeline = 1;
  lsn = 0x3000000n;
  state: RetentionState = emptyState;
  histories = new Map<number, TimelineSpan[]>([[1, [{ timeline: 1 }]]]);
  /** What is there. */
  backups: BackupRecord[] = [];
  files: WalFile[] = [];
  /** What there ever was. */
  readonly allBackups: BackupRecord[] = [];
  readonly allFiles: WalFile[] = [];
  readonly points: Point[] = [];
  drills: ProvingDrill[] = [];
  holds: Hold[] = [];
  #next = 0;

  constructor(
    readonly settings: RetentionSettings,
    readonly random: () => number = () => 0.5,
  ) {}

  /** Time passes, and WAL is written and archived. */
  pass(ms: number, segments = 0, options: { gap?: boolean } = {}): void {
    this.now += ms;
    this.write(segments, options.gap ?? false);
  }

  write(segments: number, gap = false): void {
    const before = this.lsn / BigInt(segmentSizeBytes);
    this.lsn += BigInt(Math.floor(segments * segmentSizeBytes));
    this.points.push({ timeline: this.timeline, lsn: this.lsn, at: this.now });
    for (let number = before; number < this.lsn / BigInt(segmentSizeBytes); number += 1n) {
      if (!gap) this.archive(segmentName({ timeline: this.timeline, number }, segmentSizeBytes));
    }
  }

  archive(name: string): void {
    const file = { ...parseWalFileName(name, segmentSizeBytes)!, name, sizeBytes: segmentSizeBytes, mtimeMs: this.now };
    this.files.push(file);
    this.allFiles.push(file);
  }

  backup(type: BackupRecord['type'], more: Partial<BackupRecord> = {}): BackupRecord {
    const newest = newestBackup(this.backups);
    const parent =
      type === 'full' || newest?.timeline !== this.timeline
        ? undefined
        : type === 'incremental'
          ? newest
          : this.backups.findLast((each) => each.type === 'full' && each.timeline === this.timeline);
    const startedAt = new Date(this.now).toISOString();
    const startLsn = bigIntToLsn(this.lsn + 40n);
    this.write(0.3 + this.random());
    const real = parent === undefined ? 'full' : type;
    const record: BackupRecord = {
      formatVersion: 1,
      id: `b${String(++this.#next).padStart(4, '0')}-${real}`,
      cluster: 'shop',
      type: real,
      requestedType: type,
      ...(parent === undefined ? {} : { parent: parent.id }),
      systemIdentifier: '1',
      timeline: this.timeline,
      startLsn,
      endLsn: bigIntToLsn(this.lsn),
      startedAt,
      finishedAt: new Date(this.now).toISOString(),
      durationMs: 1,
      sizeBytes: 1_000,
      serverVersion: '17.11',
      serverVersionNumber: 170_011,
      walSegmentSizeBytes: segmentSizeBytes,
      dataChecksums: true,
      settings: {},
      superuser: 'postgres',
      tablespaces: [],
      manifestSha256: '',
      operation: '',
      ...more,
    };
    this.backups.push(record);
    this.allBackups.push(record);
    this.write(0.5);
    return record;
  }

  /** Another server takes over here; the old one may go on for a while, unseen by the new one. */
  promote(lostSegments = 0): void {
    const left = this.timeline;
    const fork = this.lsn;
    const number = fork / BigInt(segmentSizeBytes);
    this.archive(`${segmentName({ timeline: left, number }, segmentSizeBytes)}.partial`);
    if (lostSegments > 0) {
      this.write(lostSegments);
      this.lsn = fork;
    }
    this.timeline = Math.max(...this.histories.keys()) + 1;
    const history = this.histories.get(left)!.slice(0, -1);
    this.histories.set(this.timeline, [
      ...history,
      { timeline: left, endLsn: bigIntToLsn(fork) },
      { timeline: this.timeline },
    ]);
    this.archive(`${this.timeline.toString(16).toUpperCase().padStart(8, '0')}.history`);
  }

  drill(chain: readonly BackupRecord[], verdict: ProvingDrill['verdict']): void {
    this.drills.push({
      id: `drill-${this.drills.length + 1}`,
      finishedAt: new Date(this.now).toISOString(),
      verdict,
      chain: chain.map(({ id, startLsn, endLsn }) => ({ id, startLsn, endLsn })),
    });
  }

  hold(more: Partial<Hold>): Hold {
    const hold: Hold = {
      formatVersion: 1,
      id: `h${this.holds.length + 1}`,
      cluster: 'shop',
      by: { kind: 'person', name: 'ada' },
      reason: 'audit',
      everything: false,
      backups: [],
      since: new Date(this.now).toISOString(),
      ...more,
    };
    this.holds.push(hold);
    return hold;
  }

  facts(what: { backups: BackupRecord[]; files: WalFile[] } = this): RetentionFacts {
    const files = [...what.files].sort((a, b) => (a.name < b.name ? -1 : 1));
    const segments = new Map<number, Set<bigint>>();
    for (const { timeline, segment, name } of files) {
      if (segment !== undefined && name.length === 24)
        segments.set(timeline, (segments.get(timeline) ?? new Set()).add(segment));
    }
    return {
      now: new Date(this.now),
      settings: this.settings,
      backups: [...what.backups],
      drills: this.drills,
      holds: this.holds,
      state: this.state,
      wal: {
        owned: true,
        archive: { directory: '/wal', segmentSizeBytes, segments },
        files,
        histories: this.histories,
        withoutHistory: [],
      },
    };
  }

  /** What mark and delete do with a plan, in memory. */
  carryOut(plan: RetentionPlan): void {
    const gone = new Set(plan.backups.filter(({ fate }) => fate === 'delete').map(({ id }) => id));
    const goneFiles = new Set(plan.wal.filter(({ fate }) => fate === 'delete').map(({ file }) => file.name));
    this.backups = this.backups.filter(({ id }) => !gone.has(id));
    this.files = this.files.filter(({ name }) => !goneFiles.has(name));
    this.state = {
      ...this.state,
      lastRunAt: new Date(this.now).toISOString(),
      marks: plan.backups.flatMap(({ id, markedAt, fate }) =>
        markedAt === undefined || fate === 'delete' ? [] : [{ backup: id, markedAt, why: '' }],
      ),
      walMarks: stretchesOf(plan.wal.filter(({ fate }) => fate !== 'delete')).map(({ from, to, markedAt }) => ({
        ...{ from, to },
        markedAt: markedAt ?? '',
      })),
    };
  }
}
