import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { makePrivateDirectory } from '../../src/files/durable.js';
import { sandboxLayout } from '../../src/restore/sandbox.js';
import { type DrillResult, drillResultSchema, evidenceSchema } from '../../src/schema/evidence.js';
import { processesUnder } from '../support/leftovers.js';
import { eventually, launchDemo, pgdrill, type Program } from '../support/programs.js';
import { makeScratch, removeScratch } from '../support/scratch.js';

// What `npm start` runs once everything is set up, in a place of its own.
let scratch: string;
let state: string;
let env: Record<string, string>;
let running: Program | undefined;

beforeEach(async () => {
  scratch = await makeScratch();
  state = join(scratch, 'state');
  await makePrivateDirectory(state);
  env = { PGDRILL_STATE: state, TEMPORAL_ADDRESS: '' };
});
afterEach(async () => {
  await running?.kill('SIGTERM');
  running = undefined;
  await removeScratch(scratch);
});

test('the demo proves a restore of a busy shop and leaves nothing but evidence', { timeout: 300_000 }, async () => {
  const demo = await pgdrill(['demo', '--json'], { env });
  expect(demo, demo.stderr).toMatchObject({ exitCode: 0 });
  const result = drillResultSchema.parse(JSON.parse(demo.stdout));
  expect(result.verdict).toBe('passed');
  expect(result.chain.map(({ type }) => type)).toEqual(['full', 'incremental']);
  const content = result.checks.find(({ name }) => name === 'content')!;
  expect(content.status).toBe('passed');
  // pgbench's accounts alone are two million; the shop's tables come on top.
  expect(Number(content.figures['rows'])).toBeGreaterThan(2_000_000);
  // The source went on committing: what the archive did not hold yet would have been lost.
  expect(result.rpo!.transactions).toBeGreaterThan(0);
  expect(demo.stderr).toMatch(/http:\/\/127\.0\.0\.1:\d+\/namespaces\/default\/workflows\/drill-shop-/);

  expect(evidenceSchema.parse(JSON.parse(await readFile(result.evidencePath!, 'utf8')))).toMatchObject({
    id: result.id,
    verdict: 'passed',
  });
  expect(await left()).toEqual([]);
});

test('with --keep all goes on until Ctrl-C, for the next drill', { timeout: 300_000 }, async () => {
  running = await launchDemo(env);
  const configuration = /npm run pgdrill -- (--config \S+)/.exec(running.output())![1]!.split(' ');
  const drill = await pgdrill([...configuration, 'drill', 'shop', '--json'], { env });
  expect(JSON.parse(drill.stdout) as DrillResult, drill.stderr).toMatchObject({ verdict: 'passed' });
  const { socketDirectory } = sandboxLayout(
    (JSON.parse(drill.stdout) as DrillResult).id,
    join(state, 'demo', 'sandboxes'),
  );
  expect(await readdir(socketDirectory).catch(() => 'gone')).toBe('gone');

  expect(await running.kill('SIGINT')).toBe(0);
  await eventually('the end of every process', async () => ((await left()).length === 0 ? true : undefined));
});

/** All that runs or lies there, but the evidence. */
async function left(): Promise<string[]> {
  const files = await readdir(join(state, 'demo'));
  const repository = await readdir(join(state, 'demo', 'repository'));
  return [
    ...processesUnder(state).map(({ command }) => command),
    ...files.filter((name) => name !== 'repository'),
    ...repository.filter((name) => name !== 'evidence'),
  ];
}
