import { compareLsn } from '../postgres/lsn.js';
import { chainOf, newestBackup } from '../repository/chains.js';
import { heldBackups } from '../repository/holds.js';
import { standingOf } from '../repository/proven.js';
import type { BackupRecord } from '../schema/backup-record.js';
import { holderOf } from '../schema/hold.js';
import { anchorIndex, type Branch, isUsable, reachIn } from './branches.js';
import type { RetentionFacts } from './facts.js';
import { duration } from './text.js';

export interface Keeping {
  /** Of each backup that is kept: why, the most telling reason first. */
  reasons: Map<string, string[]>;
  /** Of each branch with moments in the window: the backups from which they are reached. */
  anchors: Map<Branch, BackupRecord[]>;
}

/** Which backups have to stay, and why. */
export function whatToKeep(facts: RetentionFacts, branches: readonly Branch[], windowStart: Date): Keeping {
  const { backups, settings, now } = facts;
  const reasons = new Map<string, string[]>();
  const keep = ({ id }: Pick<BackupRecord, 'id'>, reason: string): void => {
    const known = reasons.get(id) ?? [];
    if (!known.includes(reason)) reasons.set(id, [...known, reason]);
  };
  const standings = new Map(backups.map((backup) => [backup.id, standingOf(backup, facts.drills)]));
  const failed = ({ id }: BackupRecord): boolean => standings.get(id)?.standing === 'failed';

  for (const [id, holds] of heldBackups(facts.holds, backups, now)) {
    for (const hold of holds)
      keep({ id }, hold.by.kind === 'run' ? `in use by ${holderOf(hold)}` : `hold ${hold.id}: ${hold.reason}`);
  }
  keepProven(facts, (backup) => standings.get(backup.id)?.drill?.id ?? '', standings, keep);
  const anchors = new Map<Branch, BackupRecord[]>();
  for (const branch of branches.filter(({ active }) => active)) {
    const found = anchorsOf(branch, facts, windowStart, failed);
    anchors.set(
      branch,
      found.map(({ backup }) => backup),
    );
    for (const { backup, why } of found) keep(backup, why);
  }
  const newest = newestBackup(backups);
  if (newest !== undefined) keep(newest, 'newest backup, on which the next one builds');
  const fulls = backups.filter((each) => each.type === 'full' && isUsable(backups, each.id) && !failed(each));
  for (const [index, full] of newestFirst(fulls).slice(0, settings.minFulls).entries())
    keep(full, `full ${index + 1} of the newest ${settings.minFulls}`);
  for (const backup of backups) {
    const { keepMs, whose } = keepOf(backup, facts);
    if (Date.parse(backup.finishedAt) + keepMs > now.getTime())
      keep(backup, `younger than ${duration(keepMs)} (${whose})`);
  }
  keepAncestors(backups, reasons, keep);
  return { reasons, anchors };
}

/** How long a backup is kept for its age alone, and who says so. */
export function keepOf(
  backup: BackupRecord,
  { settings }: Pick<RetentionFacts, 'settings'>,
): { keepMs: number; whose: string } {
  const { policy } = backup;
  const ofPolicy = policy === undefined ? undefined : settings.policyKeepMs[policy];
  if (ofPolicy !== undefined) return { keepMs: ofPolicy, whose: `policy ${policy}` };
  const whose = policy === undefined ? 'no policy' : `policy ${policy} is not configured any more`;
  return { keepMs: settings.keepUnscheduledMs, whose };
}

/** Of the newest fulls with a proven chain: the newest chain that is proven on each. A hundred proven incrementals on one full are one. */
function keepProven(
  { backups, settings }: RetentionFacts,
  drillOf: (backup: BackupRecord) => string,
  standings: ReadonlyMap<string, { standing: string }>,
  keep: (backup: BackupRecord, reason: string) => void,
): void {
  const newestOn = new Map<string, BackupRecord>();
  const proven = backups.filter(({ id }) => standings.get(id)?.standing === 'proven' && isUsable(backups, id));
  for (const backup of newestFirst(proven)) {
    const full = chainOf(backups, backup.id)[0]?.id ?? '';
    if (!newestOn.has(full)) newestOn.set(full, backup);
  }
  const fulls = newestFirst(backups.filter(({ id }) => newestOn.has(id))).slice(0, settings.minimumProven);
  for (const { id } of fulls) {
    const backup = newestOn.get(id);
    if (backup !== undefined) keep(backup, `chain proven by ${drillOf(backup)}`);
  }
}

/** From which backups every moment of the window that can be reached today is reached: one, and one more behind each gap in the WAL. */
function anchorsOf(
  branch: Branch,
  { wal, settings }: RetentionFacts,
  windowStart: Date,
  failed: (backup: BackupRecord) => boolean,
): { backup: BackupRecord; why: string }[] {
  const reach = reachIn(wal.archive, branch.history);
  const start = anchorIndex(branch, windowStart);
  const found: { backup: BackupRecord; why: string }[] = [];
  let reached: string | undefined;
  const add = (backup: BackupRecord, why: string): void => {
    found.push({ backup, why });
    // What a drill found wrong is not relied on: another one has to reach as far.
    if (!failed(backup) && (reached === undefined || compareLsn(reach(backup), reached) > 0)) reached = reach(backup);
  };
  const onTimeline = branch.history.length > 1 ? ` (timeline ${branch.timeline})` : '';
  for (let index = start; index >= 0 && reached === undefined; index -= 1) {
    const backup = branch.backups[index];
    if (backup !== undefined)
      add(backup, `reaches the start of the window of ${duration(settings.windowMs)}${onTimeline}`);
  }
  for (const backup of branch.backups.slice(start + 1)) {
    if (reached === undefined || compareLsn(reach(backup), reached) > 0)
      add(backup, `reaches what the WAL from older backups does not${onTimeline}`);
  }
  return found;
}

function keepAncestors(
  backups: readonly BackupRecord[],
  reasons: ReadonlyMap<string, string[]>,
  keep: (backup: BackupRecord, reason: string) => void,
): void {
  const byId = new Map(backups.map((backup) => [backup.id, backup]));
  const climb = (child: BackupRecord): void => {
    const parent = byId.get(child.parent ?? '');
    if (parent === undefined) return;
    const known = reasons.has(parent.id);
    keep(parent, `needed by ${child.id}`);
    if (!known) climb(parent);
  };
  const kept = backups.filter(({ id }) => reasons.has(id));
  for (const backup of kept) climb(backup);
}

function newestFirst(backups: readonly BackupRecord[]): BackupRecord[] {
  return [...backups].sort((a, b) => Date.parse(b.finishedAt) - Date.parse(a.finishedAt));
}
