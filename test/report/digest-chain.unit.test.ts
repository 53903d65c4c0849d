import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { sealEvidence } from '../../src/report/chain/seal.js';
import { lostHeads, noteHead, readKnownHeads } from '../../src/report/chain/known-heads.js';
import { readHead, readLinks } from '../../src/report/chain/links.js';
import { type ChainReport, verifyChain } from '../../src/report/chain/verify.js';
import { digestOf, type RawEvidence } from '../../src/report/chain/digest.js';
import { LocalStorage } from '../../src/repository/local-storage.js';
import type { Repository } from '../../src/repository/repository.js';
import { sampleEvidence } from './sample-evidence.js';

let repository: Repository;
beforeEach(async () => {
  const path = await mkdtemp(join(tmpdir(), 'pgdrill-chain-'));
  repository = { path, cluster: 'shop', storage: new LocalStorage(path), systemIdentifier: undefined };
});
afterEach(() => rm(repository.path, { recursive: true }));

const numbered = (number: number) =>
  sampleEvidence({ id: `d${number}`, runId: `r${number}`, finishedAt: `2026-11-24T02:0${number}:00.000Z` });
const seal = (number: number) =>
  sealEvidence(repository, numbered(number), {
    operation: `record ${number}`,
    attempt: 1,
    signal: new AbortController().signal,
  });
const fileOf = (id: string): string => repository.storage.pathOf(`evidence/${id}/evidence.json`);
const verify = async (): Promise<ChainReport> => verifyChain(await readLinks(repository), await readHead(repository));
const problems = async (): Promise<string[]> => (await verify()).problems.map(({ id, what }) => `${what} ${id}`);

/** @param seals anew: as somebody would who knows how digests are made. */
async function edit(id: string, change: (raw: RawEvidence) => void, anew = false): Promise<void> {
  const raw = JSON.parse(await readFile(fileOf(id), 'utf8')) as RawEvidence;
  change(raw);
  if (anew) raw['sha256'] = digestOf(raw);
  await writeFile(fileOf(id), JSON.stringify(raw));
}
const four = async (): Promise<void> => {
  for (const number of [1, 2, 3, 4]) await seal(number);
};

it('an untouched chain is intact, in its order; formatting is no change', async () => {
  await four();
  await edit('d2', () => undefined);
  const report = await verify();
  expect(report.problems).toEqual([]);
  expect(report.chain.map(({ id }) => id)).toEqual(['d1', 'd2', 'd3', 'd4']);
});

it('many at once do not fork it', async () => {
  await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(seal));
  const report = await verify();
  expect(report.problems).toEqual([]);
  expect(report.chain).toHaveLength(8);
});

it('a retry finds what was written, also where the head was not', async () => {
  await seal(1);
  const head = await readFile(join(repository.path, 'evidence-head.json'), 'utf8');
  const first = await seal(2);
  await writeFile(join(repository.path, 'evidence-head.json'), head);
  const again = await sealEvidence(
    repository,
    { ...numbered(2), finishedAt: '2026-11-24T03:00:00.000Z' },
    {
      operation: 'record 2',
      attempt: 2,
      signal: new AbortController().signal,
    },
  );
  expect(again).toEqual(first);
  await seal(3);
  expect((await verify()).chain.map(({ id }) => id)).toEqual(['d1', 'd2', 'd3']);
  expect(await problems()).toEqual([]);
});

it('evidence from before the chain is told apart from evidence that was put in later', async () => {
  const put = (number: number) =>
    repository.storage.writeText(`evidence/d${number}/evidence.json`, JSON.stringify(numbered(number)));
  await put(1);
  expect(await verify()).toMatchObject({ chain: [], before: ['d1'], problems: [] });
  await seal(2);
  expect(await verify()).toMatchObject({ before: ['d1'], problems: [] });
  await put(3);
  expect(await problems()).toEqual(['inserted d3']);
});

it.each([1, 2, 3, 4])('a changed figure in number %i of four shows', async (number) => {
  await four();
  await edit(`d${number}`, (raw) => (raw['clock'] = { ...(raw['clock'] as object), rtoSeconds: 1 }));
  expect(await problems()).toEqual([`changed d${number}`]);
});

it.each([1, 2, 3, 4])('so does it where the digest of number %i was made anew', async (number) => {
  await four();
  await edit(`d${number}`, (raw) => (raw['verdict'] = 'unproven'), true);
  expect(await problems()).toEqual([`changed d${number}`]);
});

it('a field that pgdrill does not know, and a digest that was taken away, show', async () => {
  await four();
  await edit('d2', (raw) => (raw['note'] = 'added'));
  await edit('d3', (raw) => delete raw['sha256']);
  expect((await problems()).toSorted()).toEqual(['changed d2', 'changed d3']);
});

it.each([1, 2, 3, 4])('removed: number %i of four', async (number) => {
  await four();
  await rm(repository.storage.pathOf(`evidence/d${number}`), { recursive: true });
  const report = await verify();
  expect(report.problems.map(({ id, what }) => `${what} ${id}`)).toEqual([`removed d${number}`]);
  expect(report.chain).toHaveLength(3);
});

it('the head that was removed, and a file that is not JSON, show', async () => {
  await four();
  await rm(join(repository.path, 'evidence-head.json'));
  expect(await problems()).toEqual(['removed evidence-head.json']);
  await writeFile(fileOf('d4'), '{');
  expect(await problems()).toContain('unreadable d4');
});

it('inserted: one with a right digest that nothing builds on', async () => {
  await four();
  await repository.storage.writeText('evidence/d9/evidence.json', JSON.stringify(numbered(9)));
  const { previous } = JSON.parse(await readFile(fileOf('d3'), 'utf8')) as RawEvidence;
  await edit('d9', (raw) => (raw['previous'] = previous), true);
  expect(await problems()).toEqual(['inserted d9']);
});

it('reordered: two that changed places', async () => {
  await four();
  await rename(fileOf('d2'), `${fileOf('d2')}.x`);
  await rename(fileOf('d3'), fileOf('d2'));
  await rename(`${fileOf('d2')}.x`, fileOf('d3'));
  expect((await problems()).filter((each) => each.startsWith('moved')).toSorted()).toEqual(['moved d2', 'moved d3']);
});

/** What a host that has noted heads says of the chain as it is. */
const lost = async (): Promise<string[]> => {
  const known = await readKnownHeads(join(repository.path, 'state'), repository);
  return lostHeads((await verify()).chain, known).map(({ id, what }) => `${what} ${id}`);
};
const note = async (): Promise<void> => noteHead(join(repository.path, 'state'), repository, await verify());

it('set back to an older head: whole by itself, but not to who knows the later one, however it goes on', async () => {
  await seal(1);
  await seal(2);
  const head = await readFile(join(repository.path, 'evidence-head.json'), 'utf8');
  expect(await lost()).toEqual([]); // nothing to compare with
  await seal(3);
  await note();
  await seal(4);
  expect(await lost()).toEqual([]); // a later one is no harm
  await note();

  for (const id of ['d3', 'd4']) await rm(repository.storage.pathOf(`evidence/${id}`), { recursive: true });
  await writeFile(join(repository.path, 'evidence-head.json'), head);
  expect(await problems()).toEqual([]);
  expect(await lost()).toEqual(['rolled back d4']);
  // The next drill's head does not cover it, nor does one of the same name.
  await seal(5);
  await note();
  expect(await lost()).toEqual(['rolled back d4']);
  await seal(4);
  await note();
  expect(await lost()).toEqual(['changed d4']);
});

it('what a host has noted is of one repository only', async () => {
  await seal(1);
  await note();
  const state = join(repository.path, 'state');
  expect(await readKnownHeads(state, { ...repository, path: '/elsewhere' })).toEqual([]);
  expect(await readKnownHeads(state, repository)).toMatchObject([{ id: 'd1' }]);
});
