import type { RepositoryFinding } from '../schema/verification.js';

/** Words that go with each kind of finding, so that the same kind always means the same. */
interface Kind {
  level: RepositoryFinding['level'];
  means: string;
  todo: string;
}

const anotherCopy = 'Bring it back if another copy exists (the source’s pg_wal, a standby, a copy of the repository)';
const damagedBackup = {
  level: 'error',
  means: 'The files in the repository are not those that were backed up: this backup must not be restored.',
  todo: 'Take a new full backup now, and find out what changed the files (disk, people, programs).',
} as const;

export const kinds = {
  'wal-gap': {
    level: 'error',
    means: 'Replay stops there: what was committed behind it cannot be restored from the backups before it.',
    todo: `${anotherCopy}. Take a new full backup now: it does not need the lost WAL. A loss that cannot be mended any more: acknowledge it.`,
  },
  'wal-gap-elsewhere': {
    level: 'warning',
    means:
      'No restore to the newest timeline needs it: a backup brings along the WAL from its start to its end, or the gap lies on a timeline that was left.',
    todo: `${anotherCopy}; else acknowledge it.`,
  },
  'wal-differs': {
    level: 'error',
    means:
      'The same WAL is there twice with different content: one of them is wrong, and it depends on chance which is replayed.',
    todo: 'Compare both with the source’s pg_wal or a standby’s; move the wrong one out of the archive. Find out who wrote it: two servers archiving into one place is the usual reason.',
  },
  'wal-size': {
    level: 'error',
    means: 'A segment of a wrong size was cut short or comes from elsewhere: replay cannot use it.',
    todo: `${anotherCopy}; take a new full backup now.`,
  },
  'wal-header': {
    level: 'error',
    means: 'The file is not the segment that its name says: replay stops there.',
    todo: `${anotherCopy}; take a new full backup now, and find out who wrote this file.`,
  },
  'wal-damaged': {
    level: 'error',
    means:
      'Replay stops there: what was committed behind it cannot be restored from the backups before it. (Backups that end behind it do not need it.)',
    todo: `${anotherCopy}; take a new full backup now, and find out what changed the file (disk, people, programs).`,
  },
  'wal-foreign': {
    level: 'error',
    means:
      'It is WAL of another database cluster: two servers archive into one place, and overwrite or refuse each other’s segments.',
    todo: 'Give each cluster an archive of its own, at once; then take a new full backup.',
  },
  'wal-unreadable': {
    level: 'error',
    means: 'What cannot be read now cannot be read in a restore.',
    todo: 'Look at the disk, and at the owner of the file; bring it back from another copy.',
  },
  'wal-before-timeline': {
    level: 'error',
    means: 'The history file and the WAL contradict each other: one of them is wrong, or of another cluster.',
    todo: 'Compare the history file with the one in the source’s pg_wal or a standby’s, and put the right one into the archive.',
  },
  'timeline-history-missing': {
    level: 'error',
    means: 'Nothing says where this timeline left the one before: recovery cannot follow it.',
    todo: 'Bring the .history file back (from the source’s pg_wal, or a standby); take a new full backup.',
  },
  'timeline-history-wrong': {
    level: 'error',
    means: 'Recovery would follow this file to the wrong place, or refuse it.',
    todo: 'Compare it with the one in the source’s pg_wal or a standby’s, and put the right one into the archive.',
  },
  'backup-record': {
    level: 'error',
    means: 'pgdrill cannot tell what this backup is, and no restore lists backups while it is so.',
    todo: 'Bring record.json back from a copy of the repository, or move the directory away.',
  },
  'backup-without-record': {
    level: 'warning',
    means: 'A directory without a record is no backup: no restore uses it, and it takes room.',
    todo: 'If nobody put it there on purpose, remove it.',
  },
  'backup-manifest': damagedBackup,
  'backup-checksum': damagedBackup,
  'backup-files': damagedBackup,
  'backup-chain': {
    level: 'error',
    means: 'This backup cannot be restored, and neither can those that build on it.',
    todo: 'Take a new full backup now; find out who removed or exchanged the missing link.',
  },
  'backup-unsafe': {
    level: 'note',
    means: 'Judged when it was taken: no restore uses it, its parent and the WAL since then give the right content.',
    todo: 'Nothing.',
  },
  'evidence-damaged': {
    level: 'warning',
    means: 'What this drill proved cannot be read any more. No backup is concerned.',
    todo: 'Bring the file back from a copy of the repository, or remove it and drill again.',
  },
  'foreign-file': {
    level: 'warning',
    means: 'pgdrill did not put it there and does not know it. It takes room, and may mislead whoever looks.',
    todo: 'Move it out of the repository; or acknowledge it.',
  },
  'left-over': {
    level: 'note',
    means: 'What is being written, or what a crash left. It is no part of any backup.',
    todo: 'Nothing while something runs; later it can be removed.',
  },
} as const satisfies Record<string, Kind>;

export type FindingKind = keyof typeof kinds;

/** @param subject what it is about, by name: with the kind it makes the id, so nothing in it may change from run to run. */
export function finding(kind: FindingKind, subject: string, what: string): RepositoryFinding {
  return { id: `${kind}/${subject}`, what, ...kinds[kind] };
}
