import { describe, expect, it } from 'vitest';

import { describeDifference } from '../../../src/proof/schema/text-difference.js';

describe('the difference', () => {
  it.each([
    ['a\nb', 'a\nb', undefined],
    ['a\nb\nc', 'a\nx\nc', 'only on the source: "b"; only when restored: "x"'],
    ['a\nb\nc', 'a\nc', 'only on the source: "b"'],
    ['a', 'a\na', 'only when restored: "a"'],
    ['a\nb', 'b\na', 'another order from line 1 on: source "a", restored "b"'],
    ['a', '--\n-- Name: t\n--\n\n  b\na', 'only when restored: "b"'],
    ['a', 'a\n-- why', 'only when restored: "-- why"'],
    ['a', '1\n2\n3\n4\n5\na', 'only when restored: "1", "2", "3" and 2 more lines'],
    ['', 'x'.repeat(300), `only on the source: ""; only when restored: "${'x'.repeat(200)}…"`],
  ])('of %j and %j', (source, restored, expected) => {
    expect(describeDifference(source, restored)).toBe(expected);
  });
});
