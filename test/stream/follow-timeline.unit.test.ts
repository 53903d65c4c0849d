import { describe, expect, it } from 'vitest';

import { parseWalFileName, type WalFile } from '../../src/repository/wal-files.js';
import { streamingStart, timelineBehind } from '../../src/stream/follow-timeline.js';

const segmentSizeBytes = 1024 * 1024;
const files = (...names: string[]): WalFile[] => names.map((name) => parseWalFileName(name, segmentSizeBytes)!);

describe('pg_receivewal goes on', () => {
  it.each([
    ['where the slot does in an empty archive', [], undefined],
    [
      'behind a finished segment',
      ['000000010000000000000008', '000000010000000000000007'],
      { timeline: 1, lsn: '0/900000' },
    ],
    ['behind a compressed one', ['000000010000000000000008.gz'], { timeline: 1, lsn: '0/900000' }],
    [
      'at the beginning of an unfinished one',
      ['000000010000000000000008', '000000010000000000000009.partial'],
      { timeline: 1, lsn: '0/900000' },
    ],
    [
      'on the younger of two timelines that have the segment',
      ['000000020000000000000009.partial', '000000010000000000000009.partial', '000000010000000000000008'],
      { timeline: 2, lsn: '0/900000' },
    ],
    [
      'on the older one where that got farther',
      ['000000020000000000000009', '00000001000000000000000A'],
      { timeline: 1, lsn: '0/B00000' },
    ],
  ])('%s', (_, names, start) => {
    expect(streamingStart(files(...names), segmentSizeBytes)).toEqual(start);
  });
});

describe('the timeline to follow', () => {
  const history = [{ timeline: 1, endLsn: '0/900000' }, { timeline: 3, endLsn: '0/B00010' }, { timeline: 4 }];
  it.each([
    ['is the next of the history where the archive ends at the fork', 1, '0/900000', 3],
    ['is none before the fork: there is WAL to send', 1, '0/800000', undefined],
    ['is none behind it: that WAL a failover lost', 1, '0/A00000', undefined],
    ['is none where the fork lies within a segment', 3, '0/B00000', undefined],
    ['is none on the newest', 4, '0/900000', undefined],
    ['is none on one that the source does not come from', 2, '0/900000', undefined],
  ])('%s', (_, timeline, lsn, next) => {
    expect(timelineBehind(history, { timeline, lsn })).toBe(next);
  });
});
