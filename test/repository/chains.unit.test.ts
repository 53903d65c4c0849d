import { describe, expect, it } from 'vitest';

import { RepositoryError } from '../../src/errors.js';
import { byEnd, chainOf, newestBackup, newestFull } from '../../src/repository/chains.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';

function backup(id: string, parent?: string, endLsn = `0/${id.slice(1)}0`): BackupRecord {
  const type = id.startsWith('f') ? 'full' : 'incremental';
  return { id, type, endLsn, ...(parent === undefined ? {} : { parent }) } as BackupRecord;
}

const ids = (chain: readonly BackupRecord[]): string[] => chain.map(({ id }) => id);

describe('a chain', () => {
  const backups = [backup('f1'), backup('i2', 'f1'), backup('i3', 'i2'), backup('f4'), backup('i5', 'f4')];

  it('begins with its full backup and ends with itself', () => {
    expect(ids(chainOf(backups, 'i3'))).toEqual(['f1', 'i2', 'i3']);
    expect(ids(chainOf(backups, 'f4'))).toEqual(['f4']);
  });

  it('does not exist without each of its links: the first that is missing is named', () => {
    const without = backups.filter(({ id }) => id !== 'i2');
    expect(() => chainOf(without, 'i3')).toThrow(RepositoryError);
    expect(() => chainOf(without, 'i3')).toThrow('Backup i2, which i3 builds on, is not in the repository');
  });

  it('that bites its tail does not go on for ever', () => {
    expect(() => chainOf([backup('i1', 'i2'), backup('i2', 'i1')], 'i1')).toThrow(RepositoryError);
  });

  it('goes on from the newest backup whose chain is whole', () => {
    expect(newestBackup(backups)?.id).toBe('i5');
    expect(newestBackup(backups.filter(({ id }) => id !== 'f4'))?.id).toBe('i3');
    expect(newestBackup([backup('i1', 'gone')])).toBeUndefined();
    expect(newestBackup([])).toBeUndefined();
  });

  it('goes on from a full backup that was made of the newest chain, since that needs nothing else', () => {
    const made = backup('f9', undefined, '0/50');
    expect(newestBackup([...backups, made])?.id).toBe('f9');
    expect(newestBackup([made, ...backups])?.id).toBe('f9');
    // Made of an older chain it does not come before what was taken since.
    expect(newestBackup([...backups, backup('f9', undefined, '0/30')])?.id).toBe('i5');
    expect(ids(byEnd([...backups, made]))).toEqual(['f9', 'i5', 'f4', 'i3', 'i2', 'f1']);
  });

  it('of differentials goes on from the newest full backup', () => {
    expect(newestFull(backups)?.id).toBe('f4');
    expect(newestFull(backups.filter(({ type }) => type !== 'full'))).toBeUndefined();
  });
});
