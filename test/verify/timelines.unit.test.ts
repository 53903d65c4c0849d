import { describe, expect, it } from 'vitest';

import { readTimelines, timelinesAt } from '../../src/verify/timelines.js';

const ids = (histories: Record<number, string>, inUse: number[] = []): string[] =>
  readTimelines(new Map(Object.entries(histories).map(([key, text]) => [Number(key), text])), inUse).findings.map(
    ({ id, what }) => `${id}: ${what}`,
  );

describe('timeline histories', () => {
  it('that tell the same past are right', () => {
    const histories = {
      2: '1\t0/5000000\tno recovery target specified\n',
      3: '1\t0/5000000\tx\n\n2\t0/7000028\tbefore 2026-11-24\n',
      4: '# by hand\n1\t0/6000000\tanother fork of 1\n',
    };
    expect(ids(histories, [1, 2, 3, 4])).toEqual([]);
  });

  it.each([
    ['names no ancestor', '', 'it names no ancestor'],
    ['is not one', 'who put this here?', 'it has a line that is no'],
    ['names itself or a younger one', '1\t0/5000000\tx\n3\t0/6000000\tx\n', 'as an ancestor of 3'],
    ['goes back in time', '1\t0/5000000\tx\n2\t0/4000000\tx\n', 'before that one began (0/5000000)'],
    ['has its lines in disorder', '2\t0/5000000\tx\n1\t0/6000000\tx\n', 'timeline 1 comes behind 2'],
    ['forks elsewhere than its parent says', '1\t0/4000000\tx\n2\t0/6000000\tx\n', 'cannot descend from both'],
  ])('%s', (_, text, said) => {
    expect(ids({ 2: '1\t0/5000000\tx\n', 3: text }).join()).toContain(`timeline-history-wrong/00000003.history`);
    expect(ids({ 2: '1\t0/5000000\tx\n', 3: text }).join()).toContain(said);
  });

  it('are missed where WAL, a backup or a descendant needs them', () => {
    expect(ids({ 12: '1\t0/5000000\tx\n11\t0/6000000\tx\n' }, [2])).toEqual([
      'timeline-history-missing/00000002.history: 00000002.history is not in the archive.',
      'timeline-history-missing/0000000B.history: 0000000B.history is not in the archive.',
    ]);
  });
});

it('a page may be of the timeline that was current where it begins, or of the next where that began in its header', () => {
  const ancestry = [{ timeline: 1, endLsn: '0/5000100' }, { timeline: 2, endLsn: '0/7000010' }, { timeline: 5 }];
  expect(timelinesAt(ancestry, 0x5000000n, 40)).toEqual([1]);
  expect(timelinesAt(ancestry, 0x6000000n, 40)).toEqual([2]);
  expect(timelinesAt(ancestry, 0x7000000n, 40)).toEqual([2, 5]);
  expect(timelinesAt(ancestry, 0x8000000n, 40)).toEqual([5]);
});
