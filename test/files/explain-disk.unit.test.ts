import { describe, expect, it } from 'vitest';

import { DiskFullError, type PgdrillError, StorageError } from '../../src/errors.js';
import { explainDisk } from '../../src/files/explain-disk.js';

const systemError = (code: string, path?: string): Error =>
  Object.assign(new Error(`${code}: something`), { code, ...(path === undefined ? {} : { path }) });

describe('an error of the file system', () => {
  it.each(['EROFS', 'EIO', 'EACCES', 'EPERM'])('%s is not tried again, and says what to do where', (code) => {
    const error = explainDisk(systemError(code, '/repository/backups'));
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ retryable: false });
    expect((error as PgdrillError).message).toMatch(/^\/repository\/backups .*\n {2}Meaning: .*\n {2}To do: /);
  });

  it.each(['ENOSPC', 'EDQUOT'])('%s is a full disk', (code) => {
    expect(explainDisk(systemError(code, '/repository'))).toBeInstanceOf(DiskFullError);
  });

  it('an I/O error is a disk’s, also where the system does not say which file was read', () => {
    const error = explainDisk(systemError('EIO'));
    expect(error).toBeInstanceOf(StorageError);
    expect((error as PgdrillError).message).toMatch(
      /^A file cannot be used: the disk has an I\/O error \(EIO: something\)/,
    );
  });

  it.each([
    ['a file that is not there', systemError('ENOENT', '/x')],
    ['a process that may not be signalled', systemError('EPERM')],
    ['a connection that broke', systemError('ECONNRESET')],
    ['no system error', new Error('plain')],
  ])('leaves %s as it is', (_, error) => {
    expect(explainDisk(error)).toBe(error);
  });
});
