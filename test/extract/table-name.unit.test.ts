import { describe, expect, test } from 'vitest';

import { asPattern, formatTableName, parseTableName } from '../../src/extract/table-name.js';

describe('a table on the command line', () => {
  test.each([
    ['shop.public.orders', { database: 'shop', schema: 'public', table: 'orders' }],
    ['Shop.Public.Orders', { database: 'shop', schema: 'public', table: 'orders' }],
    ['shop."My Schema"."it\'s ""new"""', { database: 'shop', schema: 'My Schema', table: 'it\'s "new"' }],
    ['"a.b".c."d.e"', { database: 'a.b', schema: 'c', table: 'd.e' }],
  ])('%s', (text, expected) => {
    expect(parseTableName(text)).toEqual(expected);
  });

  test.each(['orders', 'public.orders', 'a.b.c.d', 'a..c', '.a.b', 'a.b.', 'a."b.c', 'a.b"c.d', ''])(
    '%s is none',
    (text) => {
      expect(parseTableName(text)).toBeUndefined();
    },
  );

  test('is written as SQL has it, and as a pattern that matches nothing else', () => {
    const odd = { schema: 'public', table: 'Order "Items" *' };
    expect(formatTableName(odd)).toBe('public."Order ""Items"" *"');
    expect(asPattern(odd)).toBe('"public"."Order ""Items"" *"');
  });
});
