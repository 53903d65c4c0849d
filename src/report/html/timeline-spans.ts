import { seconds } from '../../schema/figures.js';
import type { Evidence } from '../../schema/evidence.js';
import type { Approval, Phase } from '../../schema/results.js';
import type { Span } from './charts.js';

const colors = { restore: 'var(--accent)', validate: 'var(--second)', human: 'var(--warn)', other: 'var(--muted)' };

interface Placed {
  spans: Span[];
  /** True where a wait is drawn shorter than it was, so that the phases can still be seen. */
  cut: boolean;
}

/**
 * Phases and waits for humans by their times.
 *
 * @returns undefined where not every phase has its times.
 */
export function placeOnClock(phases: readonly Phase[], approvals: readonly Approval[]): Placed | undefined {
  const bars: { name: string; from: number; to: number; label: string; color: string; human: boolean }[] = [];
  for (const { name, startedAt, finishedAt, seconds: took, attempts } of phases) {
    if (startedAt === undefined || finishedAt === undefined) return undefined;
    const from = Date.parse(startedAt) / 1_000;
    const tries = attempts === undefined ? '' : ` (${attempts} tries)`;
    const color = name === 'validate' ? colors.validate : colors.restore;
    bars.push({ name, from, to: from + took, label: `${seconds(took)}${tries}`, color, human: false });
  }
  for (const { gate, openedAt, decidedAt } of approvals) {
    const [from, to] = [Date.parse(openedAt) / 1_000, Date.parse(decidedAt) / 1_000];
    const label = seconds(to - from);
    if (to > from) bars.push({ name: `gate ${gate}`, from, to, label, color: colors.human, human: true });
  }
  bars.sort((a, b) => a.from - b.from);
  const busy = bars.filter(({ human }) => !human).reduce((total, { from, to }) => total + (to - from), 0);
  const longest = Math.max(1, busy);
  const start = bars[0]?.from ?? 0;
  let [taken, cut] = [0, false];
  const names = told(bars.map(({ name }) => name));
  const spans = bars.map(({ from, to, label, color, human }, index): Span => {
    const whole = to - from;
    const drawn = human ? Math.min(whole, longest) : whole;
    const span = { name: names[index] ?? '', from: Math.max(0, from - start - taken), seconds: drawn, label, color };
    if (drawn < whole) cut = true;
    taken += whole - drawn;
    return span;
  });
  return { spans, cut };
}

/** One that comes twice (a restore that was taken further at a gate) says so. */
export function told(names: readonly string[]): string[] {
  return names.map((name, index) => (names.indexOf(name) < index ? `${name} again` : name));
}

/** Phases after each other, where nobody knows when each began. */
export function inTheirOrder({ phases, otherSeconds }: Evidence['clock']): Span[] {
  const spans: Span[] = [];
  let from = 0;
  const add = (name: string, value: number, color: string): void => {
    spans.push({ name, from, seconds: value, label: seconds(value), color });
    from += value;
  };
  for (const { name, seconds: value } of phases.filter((phase) => phase.name !== 'validate'))
    add(name, value, colors.restore);
  if (otherSeconds !== undefined) add('between', otherSeconds, colors.other);
  for (const { name, seconds: value } of phases.filter((phase) => phase.name === 'validate'))
    add(name, value, colors.validate);
  return spans;
}
