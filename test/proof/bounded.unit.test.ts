import { expect, it } from 'vitest';

import { boundFindings, mostProblems } from '../../src/proof/bounded.js';
import { judge } from '../../src/proof/verdict.js';
import type { Check } from '../../src/schema/results.js';

const problemsOf = (count: number, detail = 'rows 5 -> 6'): Check['problems'] =>
  Array.from({ length: count }, (_, n) => ({ object: `shop.public.table_with_a_name_${n}`, detail }));
const content = (problems: Check['problems']): Check => ({
  name: 'content',
  status: 'failed',
  summary: `${problems.length} tables differ.`,
  figures: { differing: problems.length },
  problems,
  seconds: 1,
});

it('twenty thousand differing tables fit into a payload of Temporal, and are counted', () => {
  const all = content(problemsOf(20_000, 'x'.repeat(5_000)));
  const { checks, cut } = boundFindings({ checks: Array.from({ length: 8 }, () => all), notCompared: [] });
  expect(cut).toBe(true);
  expect(Buffer.byteLength(JSON.stringify(checks))).toBeLessThan(1024 * 1024);
  expect(checks[0]).toMatchObject({ figures: { differing: 20_000 }, moreProblems: 20_000 - mostProblems });
  expect(checks[0]!.problems).toHaveLength(mostProblems);
  expect(judge(checks.slice(0, 1)).reasons[0]).toContain('; and 19997 more.');
});

it('few problems stay as they are, and nothing is said of more', () => {
  const few = { checks: [content(problemsOf(3))], notCompared: ['a', 'b'] };
  expect(boundFindings(few)).toEqual({ ...few, cut: false });
});

it('a long list of what was not compared is cut, and counted', () => {
  const notCompared = Array.from({ length: 1_000 }, (_, n) => `table ${n}: excluded`);
  const bounded = boundFindings({ checks: [], notCompared });
  expect(bounded.cut).toBe(true);
  expect(bounded.notCompared).toHaveLength(201);
  expect(bounded.notCompared.at(-1)).toBe('and 800 more');
});
