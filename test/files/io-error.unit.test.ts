import { describe, expect, it } from 'vitest';

import { StorageError } from '../../src/errors.js';
import { ioErrorIn } from '../../src/files/io-error.js';

// As tools and servers of PostgreSQL 17, and GNU's, word them.
const said = {
  verify: 'pg_verifybackup: error: could not read file "/r/backups/b/data/base/5/1259": Input/output error',
  waldump: 'pg_waldump: error: could not read file "000000010000000000000005": Input/output error',
  server: '2026-11-28 14:49:18.507 UTC [1] FATAL:  could not write lock file "postmaster.pid": Input/output error',
  copy: "cp: error reading '/r/wal/000000010000000000000005': Input/output error",
  between: "cp: error copying '/r/wal/000000010000000000000005' to 'pg_wal/RECOVERYXLOG': Input/output error",
  unpack: 'gzip: /r/wal/000000010000000000000005.gz: Input/output error',
};

describe('an I/O error in what a tool or a server said', () => {
  it.each([
    ['an absolute path', said.verify, '/r/backups/b/data/base/5/1259'],
    ['a path below the place that it works in', said.waldump, '/base/000000010000000000000005'],
    ['a server’s path below its data directory', said.server, '/base/postmaster.pid'],
    ['what cp could not read', said.copy, '/r/wal/000000010000000000000005'],
    ['what gzip could not read', said.unpack, '/r/wal/000000010000000000000005.gz'],
    ['both where something was copied', said.between, '/r/wal/000000010000000000000005 or /base/pg_wal/RECOVERYXLOG'],
    ['the place that it works in, where no file is named', 'sync: Input/output error', '/base'],
  ])('names %s', (_, text, path) => {
    const error = ioErrorIn(`before\n${text}\nafter`, '/base');
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ retryable: false });
    expect(error?.message).toContain(`${path} cannot be used: the disk has an I/O error (${text})`);
  });

  it('says what was said where nobody knows which server named the file', () => {
    expect(ioErrorIn('could not read file "base/5/1259": Input/output error')?.explanation.what).toBe(
      'A file cannot be used: the disk has an I/O error (could not read file "base/5/1259": Input/output error).',
    );
  });

  it('is not seen in anything else', () => {
    expect(ioErrorIn('could not read file "base/5/1259": read 0 of 8192', '/base')).toBeUndefined();
  });
});
