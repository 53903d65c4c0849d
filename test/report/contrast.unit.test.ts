import { expect, it } from 'vitest';

import { style } from '../../src/report/html/style.js';
import { secondsAxis, secondsMark } from '../../src/report/html/seconds-axis.js';

// Web Content Accessibility Guidelines 2.2: 1.4.3 (text, 4.5 to 1) and 1.4.11 (what a picture is made of, 3 to 1), level AA.

/** The colours of the style's blocks, in their order: light, dark, print. */
const blocks = [...style.matchAll(/:root\{([^}]*)\}/g)].map(
  ([, block = '']) =>
    new Map([...block.matchAll(/--([\w-]+):(#[0-9a-f]{3,6})/g)].map(([, name = '', color = '']) => [name, color])),
);
const themes = ['light', 'dark', 'print'].map((theme, index) => ({ theme, colors: blocks[index] ?? new Map() }));

function luminance(color: string): number {
  const hex = color.length === 4 ? color.slice(1).replace(/./g, '$&$&') : color.slice(1);
  const [red = 0, green = 0, blue = 0] = [0, 2, 4].map((at) => {
    const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(a: string, b: string): number {
  const [lower = 0, higher = 0] = [luminance(a), luminance(b)].sort((one, other) => one - other);
  return (higher + 0.05) / (lower + 0.05);
}

const texts = [
  ...['ink', 'muted', 'accent', 'good', 'bad', 'warn'].map((text) => [text, 'paper'] as const),
  ...['ink', 'muted', 'accent'].map((text) => [text, 'panel'] as const),
  ...['good', 'bad', 'warn'].flatMap((tone) => [[tone, `${tone}-soft`] as const, ['ink', `${tone}-soft`] as const]),
];
const parts = ['accent', 'second', 'third', 'good', 'warn', 'muted'].map((part) => [part, 'paper'] as const);

it('contrast is computed as the guidelines do', () => {
  expect(contrast('#000', '#fff')).toBeCloseTo(21);
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
});

it.each(themes)('$theme: every text can be read, every part of a picture be told from the paper', ({ colors }) => {
  for (const [least, pairs] of [
    [4.5, texts],
    [3, parts],
  ] as const)
    for (const [front, back] of pairs) {
      const [a, b] = [colors.get(front), colors.get(back)] as [string, string];
      expect(contrast(a, b), `${front} ${a} on ${back} ${b}`).toBeGreaterThanOrEqual(least);
    }
});

it.each([
  [[0.03], 0.1, 0.1],
  [[4], 1, 4],
  [[80, 140, 120], 60, 180],
  [[329], 120, 360],
  [[20_000], 7_200, 21_600],
  [[3_000_000], 777_600, 3_110_400],
])('an axis for %j s has round steps', (values, interval, max) => {
  expect(secondsAxis(values)).toEqual({ interval, max });
});

it('marks of time are short', () => {
  expect([0, 0.5, 90, 120, 150, 3_600, 7_200, 259_200].map(secondsMark)).toEqual([
    ...['0 s', '0.5 s', '90 s', '2 min', '2.5 min', '60 min', '2 h', '3 d'],
  ]);
});
