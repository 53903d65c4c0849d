import { describe, expect, it } from 'vitest';

import { RepositoryError } from '../../src/errors.js';
import { chainOf, newestBackup } from '../../src/repository/chains.js';
import { whyNotIncremental } from '../../src/repository/take-backup.js';
import type { Source } from '../../src/postgres/source.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';

function backup(id: string, parent?: string): BackupRecord {
  const record = { id, timeline: 1, serverVersionNumber: 170011, serverVersion: '17.11', dataChecksums: false };
  return { ...record, ...(parent === undefined ? {} : { parent }) } as BackupRecord;
}

const ids = (chain: readonly BackupRecord[]): string[] => chain.map(({ id }) => id);

describe('a chain', () => {
  const backups = [backup('f1'), backup('i1', 'f1'), backup('i2', 'i1'), backup('f2'), backup('i3', 'f2')];

  it('begins with its full backup and ends with itself', () => {
    expect(ids(chainOf(backups, 'i2'))).toEqual(['f1', 'i1', 'i2']);
    expect(ids(chainOf(backups, 'f2'))).toEqual(['f2']);
  });

  it('does not exist without each of its links: the first that is missing is named', () => {
    const without = backups.filter(({ id }) => id !== 'i1');
    expect(() => chainOf(without, 'i2')).toThrow(RepositoryError);
    expect(() => chainOf(without, 'i2')).toThrow('Backup i1, which i2 builds on, is not in the repository');
  });

  it('that bites its tail does not go on for ever', () => {
    expect(() => chainOf([backup('a', 'b'), backup('b', 'a')], 'a')).toThrow(RepositoryError);
  });

  it('goes on from the newest backup whose chain is whole', () => {
    expect(newestBackup(backups)?.id).toBe('i3');
    expect(newestBackup(backups.filter(({ id }) => id !== 'f2'))?.id).toBe('i2');
    expect(newestBackup([backup('i1', 'gone')])).toBeUndefined();
    expect(newestBackup([])).toBeUndefined();
  });
});

describe('an incremental', () => {
  const source = { timeline: 1, serverVersionNumber: 170011, serverVersion: '17.11', dataChecksums: false } as Source;

  it('continues a chain where nothing has changed', () => {
    expect(whyNotIncremental(source, backup('f'))).toBeUndefined();
  });

  it.each([
    ['there is no backup', source, undefined, 'there is no backup to build on'],
    ['of a promotion', { ...source, timeline: 2 }, backup('f'), 'timeline 1 → 2'],
    [
      'of a minor upgrade',
      { ...source, serverVersionNumber: 170012, serverVersion: '17.12' },
      backup('f'),
      '17.11 → 17.12',
    ],
    [
      'checksums were switched',
      { ...source, dataChecksums: true },
      backup('f'),
      'data checksums were switched since f',
    ],
  ])('does not, because %s', (_, now, parent, reason) => {
    expect(whyNotIncremental(now, parent)).toContain(reason);
  });
});
