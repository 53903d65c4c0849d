/** Choices that come out the same for the same seed, so that a sabotage can be run again. */
export interface Chance {
  /** A whole number from 0 to `below` - 1. */
  integer: (below: number) => number;
  /** One of them; undefined of none. */
  pick: <T>(items: readonly T[]) => T | undefined;
  shuffle: <T>(items: readonly T[]) => T[];
}

/** The generator mulberry32: small, and the same everywhere. */
export function chanceOf(seed: number, name: string): Chance {
  let state = Buffer.from(name).reduce((hash, byte) => (Math.imul(hash, 31) + byte) | 0, seed | 0);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  const integer = (below: number): number => Math.floor(next() * below);
  return {
    integer,
    pick: (items) => items[integer(items.length)],
    shuffle: (items) =>
      items
        .map((item) => ({ item, key: next() }))
        .sort((a, b) => a.key - b.key)
        .map(({ item }) => item),
  };
}
