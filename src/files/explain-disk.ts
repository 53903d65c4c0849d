import { codeOf, messageOf } from '../errors.js';
import { asStorageError, ioError } from './durable.js';

/**
 * An error of the file system that only a person can mend, wherever it was thrown, said so that one can; any other error unchanged. Where
 * the system names no path (a process that may not be signalled) it is no file; but for an I/O error, which is always a disk's.
 */
export function explainDisk(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (!('path' in error) || typeof error.path !== 'string')
    return codeOf(error) === 'EIO' ? ioError('A file', messageOf(error), error) : error;
  return asStorageError(error, error.path, 'used');
}
