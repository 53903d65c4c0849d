import { z } from 'zod';

import { clusterNameSchema, durationSchema } from './primitives.js';
import { scheduleFields } from './schedule.js';

/** `clusters.<name>.retention`. Every default is on the side of keeping. */
export const retentionConfigurationSchema = z
  .strictObject({
    window: durationSchema
      .default('7d')
      .describe(
        'The recovery window: every moment from this long ago until now can be restored. Older backups that are kept restore to their own end only, since the WAL behind them goes.',
      ),
    keep_unscheduled: durationSchema
      .default('30d')
      .describe(
        'How long a backup is kept that no policy took. Those of a policy are kept as long as its `keep` says.',
      ),
    min_fulls: z.int().min(1).default(2).describe('As many of the newest full backups are kept, however old they are.'),
    minimum_proven: z
      .int()
      .min(1)
      .default(1)
      .describe(
        'As many of the newest full backups whose chain a drill has proven are kept, with the newest proven chain on each. Incrementals do not count.',
      ),
    grace: durationSchema
      .default('24h')
      .describe(
        'How long after it was marked something is deleted. Until then `pgdrill retention undo` takes the mark back.',
      ),
    max_pause: durationSchema
      .default('8d')
      .describe(
        'Where the newest backup or the last run of retention is older than this, backups have stopped or the clock has jumped: nothing is deleted then.',
      ),
    ...scheduleFields,
    cron: scheduleFields.cron.default('30 4 * * *'),
  })
  .optional()
  .describe('What may be deleted, and when. Without this block nothing ever is.');

/** What `applyRetention` is started with. */
export const retentionInputSchema = z.strictObject({
  cluster: clusterNameSchema,
  /** A person says that the clock is right, though it is far from the last run, or no backup was taken for long. */
  acceptClock: z.boolean().default(false),
});
export type RetentionInput = z.input<typeof retentionInputSchema>;

/** What becomes of something: it stays; it is marked now; it was marked and its grace runs; it goes. */
export type Fate = 'keep' | 'mark' | 'marked' | 'delete';

export interface BackupFate {
  id: string;
  type: string;
  finishedAt: string;
  sizeBytes: number;
  fate: Fate;
  /** Why it is kept: every reason there is. For the others, why it may go. */
  reasons: string[];
  /** When it is deleted, where it is marked. */
  due?: string;
}

export interface WalTally {
  files: number;
  bytes: number;
}

/** A stretch of files in the WAL archive, by name. */
export interface WalStretch extends WalTally {
  from: string;
  to: string;
}

export interface RetentionSummary {
  cluster: string;
  at: string;
  /** The start of the recovery window; what the repository really reaches back to, where that is later. */
  windowStart: string;
  reachesBackTo?: string;
  backups: BackupFate[];
  /** Backups that are left out here, since there are too many for a history. */
  more: number;
  wal: Record<Fate, WalTally> & {
    /** By name: the oldest file on the oldest timeline. */
    oldestKept?: string;
  };
  warnings: string[];
}

export interface RetentionResult {
  cluster: string;
  windowStart: string;
  marked: { id: string; sizeBytes: number; due: string }[];
  deleted: { id: string; bytes: number }[];
  walMarked: WalTally;
  walDeleted: WalTally;
  /** Backups and WAL together, as they were on the disk. */
  freedBytes: number;
  kept: number;
  warnings: string[];
}
