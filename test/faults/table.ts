import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { format } from 'prettier';
import type { Reporter, TestModule } from 'vitest/node';

import { cells } from './matrix.js';
import { type Played, render } from './render-matrix.js';

/**
 * Prints the matrix: a line a step, a column a fault. A run may play a part of it: with PGDRILL_FAULTS_RESULTS, results of several runs are
 * kept in that file and shown together. docs/fault-matrix.md is written by a run that keeps its results, and by one that plays every cell.
 */
export default class FaultTable implements Reporter {
  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    const now = new Date().toISOString();
    const commit = commitOfCheckout();
    const played = modules.flatMap((module) =>
      [...module.children.allTests()].flatMap((test): Played[] => {
        const { state } = test.result();
        return state === 'passed' || state === 'failed'
          ? [{ title: test.name, passed: state === 'passed', at: now, ...(commit === undefined ? {} : { commit }) }]
          : [];
      }),
    );
    const all = withEarlier(played);
    const text = render(all);
    console.log(`\n${text}`);
    if (process.env['PGDRILL_FAULTS_RESULTS'] === undefined && played.length < cells.length) return;
    const page = join(import.meta.dirname, '..', '..', 'docs', 'fault-matrix.md');
    writeFileSync(page, await format(text, { parser: 'markdown' }));
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

function commitOfCheckout(): string | undefined {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: import.meta.dirname, encoding: 'utf8' }).trim();
  } catch {
    return undefined; // an unpacked archive
  }
}
