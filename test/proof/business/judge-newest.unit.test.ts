import { describe, expect, it } from 'vitest';

import type { Newest } from '../../../src/proof/business/business-schema.js';
import { judgeNewest } from '../../../src/proof/business/judge-newest.js';

const asOf = '2026-11-24T12:00:00.000Z';

function newest(table: string, value: Newest['newest'], zoned = true): Newest {
  return { database: 'shop', schema: 'public', table, column: 'at', zoned, newest: value };
}
const judge = (source: Newest[], restored: Newest[], leftOut = 0) =>
  judgeNewest({ source: { newest: source, leftOut }, restored, asOf });

describe('the check newest rows', () => {
  it('passes where all end alike, and names the youngest that does not lie in the future', () => {
    const both = [
      newest('orders', '2026-11-24 11:59:58.5+00'),
      newest('bookings', '2027-01-01 00:00:00+00'),
      newest('old', '2020-01-01 00:00:00+00'),
      newest('unzoned', '2026-11-24 11:59:59', false),
      newest('empty', null),
    ];
    expect(judge(both, both, 3)).toEqual({
      name: 'newest rows',
      status: 'passed',
      summary:
        '5 indexed timestamps end where the source’s do. The youngest, shop.public.orders.at, lies 1.5 s before the moment that was restored.',
      figures: { timestamps: 5, differing: 0, unproven: 0, leftOut: 3, youngestAgeSeconds: 1.5 },
      problems: [],
    });
  });

  it('passes, saying so, where there is nothing to look at', () => {
    expect(judge([], [])).toMatchObject({
      status: 'passed',
      summary: 'No timestamp leads an index: there was nothing to look at.',
    });
  });

  it.each([
    [
      'failed',
      '2026-01-02 00:00:00+00',
      '2026-01-01 00:00:00+00',
      'newest 2026-01-02 00:00:00+00 -> 2026-01-01 00:00:00+00',
    ],
    ['failed', '2026-01-02 00:00:00+00', null, 'newest 2026-01-02 00:00:00+00 -> none'],
    ['failed', null, '2026-01-02 00:00:00+00', 'newest none -> 2026-01-02 00:00:00+00'],
    ['failed', null, { cause: 'refusal', reason: 'no such table' }, 'cannot be read when restored: no such table'],
    ['failed', null, { cause: 'damage', reason: 'invalid page' }, 'cannot be read when restored: invalid page'],
    ['unproven', null, { cause: 'circumstance', reason: 'too slow' }, 'cannot be read when restored: too slow'],
    ['unproven', { cause: 'refusal', reason: 'denied' }, null, 'cannot be read on the source: denied'],
    ['unproven', { cause: 'circumstance', reason: 'truncated' }, null, 'cannot be read on the source: truncated'],
  ] as const)('is %s for %j against %j', (status, source, restored, detail) => {
    expect(judge([newest('a', source)], [newest('a', restored)])).toMatchObject({
      status,
      problems: [{ object: 'shop.public.a.at', detail }],
    });
  });

  it('fails where a column is not there at all, and no doubt hides it', () => {
    const judged = judge(
      [newest('a', { cause: 'circumstance', reason: 'slow' }), newest('b', null)],
      [newest('a', null)],
    );
    expect(judged.status).toBe('failed');
    expect(judged.problems.map(({ object }) => object)).toEqual(['shop.public.b.at', 'shop.public.a.at']);
  });

  it('is unproven without a source, and still tells the youngest', () => {
    const restored = [newest('orders', '2026-11-24 11:59:00+00')];
    expect(judgeNewest({ restored, asOf })).toMatchObject({
      status: 'unproven',
      summary:
        'Not compared: nothing is known of the source at this target. The youngest, shop.public.orders.at, lies 60.0 s before the moment that was restored.',
    });
    expect(judgeNewest({ restored })).toMatchObject({
      status: 'unproven',
      summary:
        'Not compared: nothing is known of the source at this target. The youngest is shop.public.orders.at: 2026-11-24 11:59:00+00.',
    });
  });
});
