import type { BackupRecord } from '../schema/backup-record.js';
import type { BackupFate, Fate } from '../schema/retention.js';
import { anchorIndex, branchesOf } from './branches.js';
import type { RetentionFacts } from './facts.js';
import { type Keeping, keepOf, whatToKeep } from './keep.js';
import { refuseContradiction, refuseNothingLeft, refuseWrongClock } from './refuse.js';
import { duration } from './text.js';
import { neededWal, whyNoWalGoes } from './wal-need.js';
import { minute } from '../schema/figures.js';
import type { WalFile } from './wal-file.js';

export interface WalFate {
  file: WalFile;
  fate: Fate;
  /** When it was marked; now, where it is marked by this plan. */
  markedAt?: string;
}

export interface RetentionPlan {
  at: Date;
  windowStart: Date;
  /** What the newest branch really reaches back to, where that is later than the window's start. */
  reachesBackTo?: string;
  /** Oldest first. */
  backups: (BackupFate & { markedAt?: string })[];
  wal: WalFate[];
  warnings: string[];
}

/**
 * Decides what stays and what goes. Changes nothing.
 *
 * @param acceptClock a person has said that the clock is right.
 * @throws RetentionRefusedError where the clock or the repository looks wrong, or too little would be left.
 */
export function planRetention(facts: RetentionFacts, acceptClock = false): RetentionPlan {
  const { now, settings, backups } = facts;
  const windowStart = new Date(now.getTime() - settings.windowMs);
  const branches = branchesOf(facts, windowStart);
  const keeping = whatToKeep(facts, branches, windowStart);
  const fates = fatesOf(facts, keeping);
  const having = (isThere: (fate: Fate | undefined) => boolean): ((file: WalFile) => boolean) =>
    neededWal(
      facts,
      backups.filter(({ id }) => isThere(fates.get(id)?.fate)),
      keeping.anchors,
    );
  const needed = having((fate) => fate === 'keep');
  // Until a backup is deleted its mark can be taken back: what it needs stays as long.
  const stillNeeded = having((fate) => fate !== 'delete');
  const wal = facts.wal.files.map((file): WalFate => {
    if (needed(file)) return { file, fate: 'keep' };
    const marked = markOf(file, facts);
    return marked.fate === 'delete' && stillNeeded(file) ? { ...marked, fate: 'marked' } : marked;
  });
  const reaching = branches.at(-1);
  const first = reaching?.backups[anchorIndex(reaching, windowStart)]?.finishedAt;
  const noWal = whyNoWalGoes(facts);
  const plan: RetentionPlan = {
    at: now,
    windowStart,
    ...(first !== undefined && Date.parse(first) > windowStart.getTime() ? { reachesBackTo: first } : {}),
    backups: backups.map((backup) => fates.get(backup.id)).filter((each) => each !== undefined),
    wal,
    warnings: noWal === undefined ? [] : [noWal],
  };
  refuseWrongClock(facts, plan, acceptClock);
  refuseNothingLeft(facts, plan);
  refuseContradiction(facts, plan, branches);
  return plan;
}

type MarkedFate = RetentionPlan['backups'][number];

function fatesOf(facts: RetentionFacts, { reasons }: Keeping): Map<string, MarkedFate> {
  const { backups, state, settings, now } = facts;
  const marks = new Map(state.marks.map((mark) => [mark.backup, mark]));
  const fates = new Map<string, MarkedFate>();
  for (const backup of backups) {
    const { id, type, finishedAt, sizeBytes } = backup;
    const base = { id, type: backup.unsafe === undefined ? type : `${type} (unsafe)`, finishedAt, sizeBytes };
    const why = reasons.get(id);
    if (why !== undefined) {
      fates.set(id, { ...base, fate: 'keep', reasons: why });
      continue;
    }
    const markedAt = marks.get(id)?.markedAt;
    const due = Date.parse(markedAt ?? now.toISOString()) + settings.graceMs;
    const fate = markedAt === undefined ? 'mark' : due <= now.getTime() ? 'delete' : 'marked';
    fates.set(id, {
      ...base,
      fate,
      reasons: [whyItGoes(backup, facts)],
      due: new Date(due).toISOString(),
      markedAt: markedAt ?? now.toISOString(),
    });
  }
  waitForChildren(backups, fates);
  return fates;
}

/** What builds on something must go first, or with it. */
function waitForChildren(backups: readonly BackupRecord[], fates: Map<string, MarkedFate>): void {
  for (let changed = true; changed;) {
    changed = false;
    for (const { id, parent } of backups) {
      const [child, above] = [fates.get(id), fates.get(parent ?? '')];
      if (child === undefined || above?.fate !== 'delete' || child.fate === 'delete') continue;
      const due = child.due ?? above.due;
      fates.set(above.id, { ...above, fate: 'marked', ...(due === undefined ? {} : { due }) });
      changed = true;
    }
  }
}

function whyItGoes(backup: BackupRecord, facts: RetentionFacts): string {
  const { keepMs, whose } = keepOf(backup, facts);
  const until = new Date(Date.parse(backup.finishedAt) + keepMs);
  return `${duration(keepMs)} (${whose}) were over at ${minute(until)}, and nothing needs it`;
}

function markOf(file: WalFile, { state, settings, now }: RetentionFacts): WalFate {
  const markedAt = state.walMarks.find(({ from, to }) => from <= file.name && file.name <= to)?.markedAt;
  if (markedAt === undefined) return { file, fate: 'mark', markedAt: now.toISOString() };
  return { file, markedAt, fate: Date.parse(markedAt) + settings.graceMs <= now.getTime() ? 'delete' : 'marked' };
}
