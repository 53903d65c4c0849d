import { describe, expect, it } from 'vitest';

import type { ControlData } from '../../../src/postgres/controldata.js';
import type { TimelineSpan } from '../../../src/postgres/timeline.js';
import { judgeControlData } from '../../../src/proof/structure/control-data.js';
import type { ControlExpectation } from '../../../src/schema/control-expectation.js';

const format = { 'Database block size': '8192', 'Data page checksum version': '1' };

const expected: ControlExpectation = {
  backup: '20261122T020000Z-full',
  systemIdentifier: '7575',
  dataChecksums: true,
  backupEndLsn: '0/5000100',
  nextXid: '900',
  targetTimeline: 3,
  format,
};

const sound: ControlData = {
  systemIdentifier: '7575',
  timeline: 4,
  previousTimeline: 4,
  clusterState: 'shut down',
  minRecoveryEndLsn: '0/0',
  backupStartLsn: '0/0',
  backupEndLsn: '0/0',
  checkpointLsn: '0/7000028',
  redoLsn: '0/7000028',
  nextXid: 950n,
  dataChecksums: true,
  walSegmentSizeBytes: 2 ** 24,
  blockSize: 8_192,
  segmentBlocks: 131_072,
  required: {
    max_connections: 100,
    max_worker_processes: 8,
    max_wal_senders: 10,
    max_prepared_transactions: 0,
    max_locks_per_transaction: 64,
  },
  trackCommitTimestamp: false,
  format,
};

const history: TimelineSpan[] = [
  { timeline: 1, endLsn: '0/2000000' },
  { timeline: 3, endLsn: '0/6000000' },
  { timeline: 4 },
];

describe('the control data of a restored cluster', () => {
  it('are as the backup lets expect', () => {
    expect(judgeControlData(sound, expected, history)).toEqual([]);
  });

  it.each<[string, Partial<ControlData>, string]>([
    ['another system', { systemIdentifier: '1234' }, 'Database system identifier'],
    ['a crash', { clusterState: 'in production' }, 'Database cluster state'],
    ['another block size', { format: { ...format, 'Database block size': '4096' } }, 'Database block size'],
    [
      'checksums that are off',
      { dataChecksums: false, format: { ...format, 'Data page checksum version': '0' } },
      'Data page checksum version',
    ],
    ['a lost field', { format: { 'Data page checksum version': '1' } }, 'Database block size'],
    [
      'a checkpoint before the backup',
      { checkpointLsn: '0/5000000', redoLsn: '0/5000000' },
      'Latest checkpoint location',
    ],
    ['a redo point elsewhere', { redoLsn: '0/6000000' }, "Latest checkpoint's REDO location"],
    ['recovery that is not over', { minRecoveryEndLsn: '0/7000000' }, 'Minimum recovery ending location'],
    ['a backup that was not recovered', { backupStartLsn: '0/5000028' }, 'Backup start location'],
    ['a backup end not reached', { backupEndLsn: '0/5000100' }, 'Backup end location'],
    ['transactions that were forgotten', { nextXid: 899n }, "Latest checkpoint's NextXID"],
    ['the timeline of the source', { timeline: 3 }, "Latest checkpoint's TimeLineID"],
  ])('tell of %s', (_, wrong, field) => {
    const problems = judgeControlData({ ...sound, ...wrong }, expected, history);
    expect(problems.map(({ object }) => object)).toContain(field);
  });

  it.each<[string, TimelineSpan[] | undefined, string]>([
    ['is missing', undefined, 'whose history file is missing'],
    ['left another timeline', [{ timeline: 2, endLsn: '0/6000000' }, { timeline: 4 }], 'which left timeline 2'],
    ['left too early', [{ timeline: 3, endLsn: '0/4000000' }, { timeline: 4 }], 'left 3 at 0/4000000'],
    ['left in the future', [{ timeline: 3, endLsn: '0/8000000' }, { timeline: 4 }], 'left 3 at 0/8000000'],
  ])('tell of a timeline history that %s', (_, wrong, detail) => {
    const problems = judgeControlData(sound, expected, wrong);
    expect(problems).toMatchObject([{ object: "Latest checkpoint's TimeLineID" }]);
    expect(problems[0]!.detail).toContain(detail);
  });
});
