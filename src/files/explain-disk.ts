import { codeOf, StorageError } from '../errors.js';
import { asDiskFull } from './durable.js';

const reasons: Readonly<Record<string, { happened: string; todo: string }>> = {
  EROFS: {
    happened: 'is on a file system that is read-only now',
    todo: 'Find out why (the kernel’s log: a disk error makes it so), mend it, mount it writable again, then start again.',
  },
  EIO: {
    happened: 'cannot be read or written: the disk reports an I/O error',
    todo: 'Look at the kernel’s log and the disk’s health. Do not trust what lies there before it is checked; a new full backup belongs on another disk.',
  },
  EACCES: {
    happened: 'may not be accessed by pgdrill',
    todo: 'Give the directory and what is in it to the user that pgdrill’s PostgreSQL processes run as (PGDRILL_OS_USER).',
  },
  EPERM: {
    happened: 'may not be changed by pgdrill',
    todo: 'Give it to the user that pgdrill’s PostgreSQL processes run as (PGDRILL_OS_USER); look for immutable files (lsattr).',
  },
};

/** Errors of a file system that only a person can mend, said so that one can; any other error unchanged. */
export function explainDisk(error: unknown): unknown {
  const code = codeOf(error);
  const path = error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : 'the disk';
  const reason = code === undefined ? undefined : reasons[code];
  // A process that may not be signalled is no file.
  if (reason === undefined || path === 'the disk') return asDiskFull(error, path);
  return new StorageError(
    {
      what: `${path} ${reason.happened} (${code ?? ''}).`,
      means: 'Trying again cannot help until somebody has mended that. Finished backups and WAL were not changed.',
      todo: reason.todo,
    },
    { cause: error },
  );
}
