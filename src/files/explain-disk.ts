import { asStorageError } from './durable.js';

/**
 * An error of the file system that only a person can mend, wherever it was thrown, said so that one can; any other error unchanged. Where
 * the system names no path (a process that may not be signalled) it is no file.
 */
export function explainDisk(error: unknown): unknown {
  if (!(error instanceof Error) || !('path' in error) || typeof error.path !== 'string') return error;
  return asStorageError(error, error.path, 'used');
}
