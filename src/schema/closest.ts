/**
 * The candidate that a mistyped word most likely meant, for "did you mean": upper and lower case, `-` and `_` count as the same.
 *
 * @returns the nearest candidate, or undefined where none is near enough to be a slip of the fingers.
 */
export function closest(word: string, candidates: Iterable<string>): string | undefined {
  return ranked(word, candidates)[0];
}

/**
 * Up to three candidates that a mistyped or half-typed word may have meant: the nearest, then those that begin like it; of equals the first.
 */
export function nearest(word: string, candidates: readonly string[]): string[] {
  const begun = word.length < 3 ? [] : ranked(word, candidates, (candidate) => candidate.slice(0, word.length));
  return [...new Set([...ranked(word, candidates), ...begun])].slice(0, 3);
}

/** Those that are near enough to be a slip of the fingers, the nearest first; `part` is what the word is held against. */
function ranked(word: string, candidates: Iterable<string>, part = (candidate: string): string => candidate): string[] {
  // A third of the word may be wrong, at least one letter: more and the guess misleads.
  const most = Math.max(1, Math.floor(word.length / 3));
  return [...candidates]
    .map((candidate) => ({ candidate, distance: editDistance(plain(word), plain(part(candidate))) }))
    .filter(({ distance }) => distance <= most)
    .sort((a, b) => a.distance - b.distance)
    .map(({ candidate }) => candidate);
}

function plain(text: string): string {
  return text.toLowerCase().replaceAll('-', '_');
}

/** "Did you mean …?" with a space before it, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const guess = closest(word, candidates);
  return guess === undefined ? '' : ` Did you mean "${guess}"?`;
}

/**
 * Letters inserted, deleted, replaced or swapped with their neighbour (Damerau–Levenshtein, in its "optimal string alignment" form:
 * L. Boytsov, "Indexing methods for approximate dictionary searching", 2011, section 2.2).
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let distance = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) distance = Math.min(distance, (beforeLast[column - 2] ?? 0) + 1);
      current.push(distance);
    }
    [beforeLast, last] = [last, current];
  }
  return last[b.length] ?? 0;
}
