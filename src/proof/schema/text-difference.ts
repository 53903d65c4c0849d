/** Enough to see what it is about; long lines (a view's whole query) would fill the evidence. */
const shownLines = 3;
const shownChars = 200;

/**
 * How two texts differ, for a person to read: the first lines that only one of them has, the telling ones before blank lines
 * and comments; where both hold the same lines in another order, the first line that is elsewhere.
 *
 * @returns undefined where the texts are equal.
 */
export function describeDifference(source: string, restored: string): string | undefined {
  if (source === restored) return undefined;
  const [left, right] = [source.split('\n'), restored.split('\n')];
  const parts = [
    ...quoteFirst('only on the source', subtract(left, right)),
    ...quoteFirst('only when restored', subtract(right, left)),
  ];
  if (parts.length > 0) return parts.join('; ');
  const at = left.findIndex((line, index) => line !== right[index]);
  return `another order from line ${at + 1} on: source "${shorten(left[at] ?? '')}", restored "${shorten(right[at] ?? '')}"`;
}

/** The lines of `lines` that are not among `others`, each as often as it is missing there, in their order. */
function subtract(lines: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}

function quoteFirst(where: string, lines: readonly string[]): string[] {
  const telling = lines.filter((line) => line.trim() !== '' && !line.startsWith('--'));
  const shown = telling.length > 0 ? telling : lines;
  if (shown.length === 0) return [];
  const more = shown.length > shownLines ? ` and ${shown.length - shownLines} more lines` : '';
  const quoted = shown.slice(0, shownLines).map((line) => `"${shorten(line.trim())}"`);
  return [`${where}: ${quoted.join(', ')}${more}`];
}

function shorten(line: string): string {
  return line.length > shownChars ? `${line.slice(0, shownChars)}…` : line;
}
