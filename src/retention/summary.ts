import type { Fate, RetentionSummary, WalStretch, WalTally } from '../schema/retention.js';
import type { RetentionPlan, WalFate } from './plan.js';
import type { WalFile } from './wal-file.js';

/** Files that follow each other in the archive and share their fate. Files that stay are left out. */
export function stretchesOf(wal: readonly WalFate[], fate?: Fate): (WalStretch & { markedAt?: string })[] {
  const stretches: (WalStretch & { markedAt?: string })[] = [];
  let previous: WalFate | undefined;
  for (const each of wal) {
    const taken = fate === undefined ? each.fate !== 'keep' : each.fate === fate;
    const last = stretches.at(-1);
    const goesOn =
      last !== undefined &&
      previous?.fate === each.fate &&
      last.markedAt === each.markedAt &&
      previous.file.timeline === each.file.timeline;
    if (taken && goesOn) {
      last.to = each.file.name;
      last.files += 1;
      last.bytes += each.file.sizeBytes;
    } else if (taken) {
      const { name, sizeBytes } = each.file;
      const { markedAt } = each;
      stretches.push({
        from: name,
        to: name,
        files: 1,
        bytes: sizeBytes,
        ...(markedAt === undefined ? {} : { markedAt }),
      });
    }
    previous = each;
  }
  return stretches;
}

export function tally(files: readonly WalFile[]): WalTally {
  return { files: files.length, bytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}

/**
 * A plan for people and for Temporal's history.
 *
 * @param most backups to name: what goes first, then the newest. All, where left out.
 */
export function summarize(plan: RetentionPlan, cluster: string, most = Infinity): RetentionSummary {
  const going = plan.backups.filter(({ fate }) => fate !== 'keep');
  const named = new Set([...going, ...plan.backups.filter(({ fate }) => fate === 'keep').toReversed()].slice(0, most));
  const of = (fate: Fate): WalTally => tally(plan.wal.filter((each) => each.fate === fate).map(({ file }) => file));
  const kept = plan.wal.filter(({ fate }) => fate === 'keep');
  return {
    cluster,
    at: plan.at.toISOString(),
    windowStart: plan.windowStart.toISOString(),
    ...(plan.reachesBackTo === undefined ? {} : { reachesBackTo: plan.reachesBackTo }),
    backups: plan.backups
      .filter((each) => named.has(each))
      .map(({ id, type, finishedAt, sizeBytes, fate, reasons, due }) => ({
        ...{ id, type, finishedAt, sizeBytes, fate, reasons },
        ...(due === undefined ? {} : { due }),
      })),
    more: plan.backups.length - named.size,
    wal: {
      keep: of('keep'),
      mark: of('mark'),
      marked: of('marked'),
      delete: of('delete'),
      ...(kept[0] === undefined ? {} : { oldestKept: kept[0].file.name }),
    },
    warnings: plan.warnings,
  };
}
