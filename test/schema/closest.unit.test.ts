import { describe, expect, it } from 'vitest';

import { closest, didYouMean, editDistance, nearest } from '../../src/schema/closest.js';

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['gates', 'gates', 0],
    ['gate', 'gates', 1],
    ['gtaes', 'gates', 1],
    ['gxtes', 'gates', 1],
    ['kitten', 'sitting', 3],
    // Optimal string alignment: a swapped pair is not edited again (the unrestricted distance would be 2).
    ['ca', 'abc', 3],
  ])('of "%s" and "%s" is %d, both ways', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });
});

describe('closest', () => {
  const keys = ['connection', 'repository', 'wal', 'sandbox', 'gate_timeout'];

  it('finds what a slip of the fingers meant', () => {
    expect(closest('conection', keys)).toBe('connection');
    expect(closest('repositroy', keys)).toBe('repository');
    expect(closest('wla', keys)).toBe('wal');
  });

  it('takes upper case and hyphens for the same word', () => {
    expect(closest('Gate-Timeout', keys)).toBe('gate_timeout');
  });

  it('does not guess where nothing is near', () => {
    expect(closest('password', keys)).toBeUndefined();
    expect(closest('x', keys)).toBeUndefined();
    expect(closest('', keys)).toBeUndefined();
    expect(closest('wal', [])).toBeUndefined();
  });

  it('becomes a question, or nothing', () => {
    expect(didYouMean('wall', keys)).toBe(' Did you mean "wal"?');
    expect(didYouMean('password', keys)).toBe('');
  });
});

describe('nearest', () => {
  const ids = ['drill-shop-2026-11-28-1200', 'drill-shop-2026-11-28-1100', 'backup-shop-2026-11-28-1000', 'nightly'];

  it('finds ids that are mistyped, or typed by half, or both', () => {
    expect(nearest('nigthly', ids)).toEqual(['nightly']);
    expect(nearest('drill-shop', ids)).toEqual(ids.slice(0, 2));
    expect(nearest('dril-shop', ids)).toEqual(ids.slice(0, 2));
    expect(nearest('drill-shop-2026-11-28-1201', ids)[0]).toBe(ids[0]);
  });

  it('guesses nothing for what is like nothing, and no more than three', () => {
    expect(nearest('customers', ids)).toEqual([]);
    expect(nearest('d', ids)).toEqual([]);
    expect(nearest('drill-a', ['drill-b', 'drill-c', 'drill-d', 'drill-e'])).toHaveLength(3);
  });
});
