import { describe, expect, it } from 'vitest';

import { settingDurationMs } from '../../src/postgres/setting-duration.js';
import { type ChainFacts, chooseChain } from '../../src/repository/choose-chain.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';

const timeline = 1;

function backup(id: string, change: Partial<BackupRecord> = {}): BackupRecord {
  const type = id.startsWith('f') ? 'full' : id.startsWith('d') ? 'differential' : 'incremental';
  return {
    ...{ id, type, timeline, serverVersionNumber: 170011, serverVersion: '17.11', dataChecksums: false },
    ...{
      startLsn: `0/${id.slice(1)}00`,
      endLsn: `0/${id.slice(1)}80`,
      startedAt: '2026-11-20T00:00:00Z',
      sizeBytes: 1_000,
    },
    ...change,
  } as BackupRecord;
}

const settings = { wal_summary_keep_time: '10d' };
const source = {
  ...{ timeline, serverVersionNumber: 170011, serverVersion: '17.11', dataChecksums: false },
  ...{ settings, now: '2026-11-21T00:00:00Z' },
};
const facts: ChainFacts = { source, summaries: undefined, policy: { maxLength: 50, maxShare: 1 } };
const chain = [
  backup('f1'),
  backup('i2', { parent: 'f1', sizeBytes: 300 }),
  backup('i3', { parent: 'i2', sizeBytes: 300 }),
];
const others = [...chain, backup('d4', { parent: 'f1', sizeBytes: 600 })];
const ids = (type: BackupRecord['type'], backups = others, given = facts): string[] | string | undefined => {
  const chosen = chooseChain(type, backups, given);
  return chosen.chain?.map(({ id }) => id) ?? chosen.fallbackReason;
};

describe('the next backup', () => {
  it('goes on with the newest of any type where it is incremental, with the newest full where it is differential', () => {
    expect(ids('incremental', chain)).toEqual(['f1', 'i2', 'i3']);
    expect(ids('incremental')).toEqual(['f1', 'd4']);
    expect(ids('differential')).toEqual(['f1']);
    expect(chooseChain('full', others, facts)).toEqual({});
  });

  it('goes on with a full one that was made of a chain', () => {
    const made = backup('f3', { consolidatedFrom: ['f1', 'i2', 'i3'] });
    expect(ids('incremental', [...chain, made])).toEqual(['f3']);
    expect(ids('differential', [...chain, made])).toEqual(['f3']);
  });

  const now = (change: object): ChainFacts => ({ ...facts, source: { ...source, ...change } });
  const limits = (change: object): ChainFacts => ({ ...facts, policy: { maxLength: 50, maxShare: 1, ...change } });
  const unsafe = { unsafe: ['It lost rows.'] };
  const gap = [
    { timeline, from: '0/200', to: '0/300' },
    { timeline, from: '0/380', to: '0/400' },
  ];

  const cases: [string, BackupRecord['type'], BackupRecord[], ChainFacts, string][] = [
    ['there is none', 'incremental', [], facts, 'there is no backup to build on'],
    ['there is no whole chain', 'differential', [backup('i9', { parent: 'gone' })], facts, 'there is no backup'],
    [
      'of a promotion',
      'incremental',
      chain,
      now({ timeline: 2 }),
      'the cluster was promoted since i3 (timeline 1 → 2)',
    ],
    [
      'of a minor upgrade',
      'incremental',
      chain,
      now({ serverVersionNumber: 170012, serverVersion: '17.12' }),
      'the server was upgraded since i3 (17.11 → 17.12)',
    ],
    [
      'checksums were switched',
      'incremental',
      chain,
      now({ dataChecksums: true }),
      'data checksums were switched since i3',
    ],
    [
      'the last one on the same parent was found unsafe',
      'incremental',
      [...chain, backup('i5', { parent: 'i3', ...unsafe })],
      facts,
      'i5 was found unsafe: It lost rows.',
    ],
    [
      'the last differential was found unsafe',
      'differential',
      [...chain, backup('d5', { parent: 'f1', ...unsafe })],
      facts,
      'd5 was found unsafe',
    ],
    [
      'the parent is older than summaries are kept',
      'incremental',
      chain,
      now({ now: '2026-11-30T00:00:00Z' }),
      'i3 is older than the source keeps WAL summaries (wal_summary_keep_time is 10d)',
    ],
    [
      'the first summaries since the parent are gone',
      'incremental',
      chain,
      { ...facts, summaries: gap.slice(1) },
      'no WAL summaries from 0/300 to 0/380 any more, and i3 begins at 0/300',
    ],
    [
      'summaries in between are gone',
      'differential',
      chain,
      { ...facts, summaries: [{ timeline, from: '0/100', to: '0/200' }, ...gap] },
      'no WAL summaries from 0/300 to 0/380 any more, and f1 begins at 0/100',
    ],
    [
      'only another timeline has the summaries',
      'differential',
      chain,
      { ...facts, summaries: [{ timeline: 2, from: '0/100', to: '0/300' }, ...gap] },
      'no WAL summaries from 0/100 to 0/200',
    ],
    [
      'the chain is too long',
      'incremental',
      chain,
      limits({ maxLength: 3 }),
      'the chain of f1 has 3 backups, and chain.max_length is 3',
    ],
    ['no chain is wanted at all', 'differential', chain, limits({ maxLength: 1 }), 'the chain of f1 has 1 backup, and'],
    [
      'the incrementals are too large together',
      'incremental',
      chain,
      limits({ maxShare: 0.6 }),
      'the backups on f1 have 600 B together, 0.60 times that full one, and chain.max_share is 0.6',
    ],
    [
      'the last differential was too large',
      'differential',
      others,
      limits({ maxShare: 0.5 }),
      'the last differential on f1 has 600 B, 0.60 times that full one',
    ],
  ];
  it.each(cases)('is a full one because %s', (_, type, backups, given, reason) => {
    expect(ids(type, backups, given)).toContain(reason);
  });

  it('goes on where nothing stands against it, at the limits as well', () => {
    expect(ids('incremental', chain, limits({ maxLength: 4, maxShare: 0.61 }))).toEqual(['f1', 'i2', 'i3']);
    expect(ids('incremental', chain, { ...facts, policy: undefined })).toEqual(['f1', 'i2', 'i3']);
    expect(ids('incremental', chain, now({ now: '2026-11-29T23:59:59Z' }))).toEqual(['f1', 'i2', 'i3']);
    // Nothing is ever removed by age.
    const forEver = now({ settings: { wal_summary_keep_time: '0' }, now: '2036-01-01T00:00:00Z' });
    expect(ids('incremental', chain, forEver)).toEqual(['f1', 'i2', 'i3']);
    // What is not summarized yet is waited for by the server.
    const summaries = [{ timeline, from: '0/280', to: '0/380' }];
    expect(ids('incremental', chain, { ...facts, summaries })).toEqual(['f1', 'i2', 'i3']);
    expect(ids('incremental', chain, { ...facts, summaries: [] })).toEqual(['f1', 'i2', 'i3']);
    // What was found unsafe on another parent says nothing of this one.
    const elsewhere = [...chain, backup('d5', { parent: 'f1', ...unsafe })];
    expect(ids('incremental', elsewhere)).toEqual(['f1', 'i2', 'i3']);
  });
});

describe('a time setting', () => {
  it.each([
    ['10d', 864_000_000],
    ['90min', 5_400_000],
    ['3h', 10_800_000],
    ['0', 0],
    ['7', 420_000],
    ['soon', undefined],
  ])('%s', (text, ms) => {
    expect(settingDurationMs(text, 'min')).toBe(ms);
  });
});
