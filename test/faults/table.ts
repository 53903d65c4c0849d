import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Reporter, TestModule } from 'vitest/node';

import { faults } from './faults.js';
import { cells, titleOf } from './matrix.js';
import { rows } from './rows.js';

interface Played {
  title: string;
  passed: boolean;
  at: string;
}

/**
 * Prints the matrix: a line a step, a column a fault. A run may play a part of it: with PGDRILL_FAULTS_RESULTS, results of several runs are
 * kept in that file and shown together. docs/fault-matrix.md is written once every cell has been played.
 */
export default class FaultTable implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const now = new Date().toISOString();
    const played = modules.flatMap((module) =>
      [...module.children.allTests()].flatMap((test): Played[] => {
        const { state } = test.result();
        return state === 'passed' || state === 'failed'
          ? [{ title: test.name, passed: state === 'passed', at: now }]
          : [];
      }),
    );
    const text = render(withEarlier(played));
    console.log(`\n${text}`);
    if (withEarlier([]).length === 0 && played.length < cells.length) return;
    const latest = new Map(withEarlier(played).map((each) => [each.title, each]));
    if (cells.every((cell) => latest.has(titleOf(cell))))
      writeFileSync(join(import.meta.dirname, '..', '..', 'docs', 'fault-matrix.md'), text);
  }
}

function withEarlier(played: readonly Played[]): Played[] {
  const path = process.env['PGDRILL_FAULTS_RESULTS'];
  if (path === undefined) return [...played];
  for (const each of played) appendFileSync(path, `${JSON.stringify(each)}\n`);
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Played);
}

function render(played: readonly Played[]): string {
  const latest = new Map(played.map((each) => [each.title, each]));
  const mark = (row: (typeof rows)[number], fault: (typeof faults)[number]): string => {
    if (fault.without(row) !== undefined) return '·';
    const result = latest.get(titleOf({ row, fault }));
    return result === undefined ? ' ' : result.passed ? '✔' : '✘';
  };
  const times = [...latest.values()].map(({ at }) => at).sort();
  const good = [...latest.values()].filter(({ passed }) => passed).length;
  return [
    '# The fault matrix',
    '',
    'Every step of `drill` (and of `backup` and `recover`, where named) × every fault, on real servers: held in its middle, struck, and looked at when',
    'it is over: how it ended, its figures, what was done twice, the source, what was left behind. Made by `npm run test:faults`; see `test/faults`.',
    '',
    `${good} of ${latest.size} cells that were played are as they should be; there are ${cells.length}. Played ${times[0] ?? 'never'} to ${times.at(-1) ?? 'never'} (UTC).`,
    '',
    '✔ as it should be · ✘ not · `·` does not apply',
    '',
    `| step | ${faults.map((_, index) => index + 1).join(' | ')} |`,
    `| --- | ${faults.map(() => '---').join(' | ')} |`,
    ...rows.map((row) => `| ${row.name} | ${faults.map((fault) => mark(row, fault)).join(' | ')} |`),
    '',
    ...faults.map(({ name }, index) => `${index + 1}. ${name}`),
    '',
  ].join('\n');
}
