import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { execa } from 'execa';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';

import { digestOf, type RawEvidence } from '../../src/report/chain/digest.js';
import { readHead, readLinks } from '../../src/report/chain/links.js';
import { sealEvidence } from '../../src/report/chain/seal.js';
import { assertCanSign, signText } from '../../src/report/chain/sign.js';
import { readSignatures, type Signature, signatureProblems } from '../../src/report/chain/signatures.js';
import { verifyChain } from '../../src/report/chain/verify.js';
import { LocalStorage } from '../../src/repository/local-storage.js';
import type { Repository } from '../../src/repository/repository.js';
import { sampleEvidence } from './sample-evidence.js';

// Real ssh-keygen: it is in the image that CI runs in.
let scratch: string;
let repository: Repository;
let allowed: string;
const key = (name: string): string => join(scratch, name);

async function makeKey(name: string, passphrase = ''): Promise<string> {
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', '', '-f', key(name)]);
  return (await readFile(`${key(name)}.pub`, 'utf8')).trim();
}

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'pgdrill-sign-'));
  const own = await makeKey('worker');
  const former = await makeKey('former');
  const narrow = await makeKey('narrow');
  await makeKey('stranger');
  await makeKey('locked', 'a passphrase');
  allowed = key('allowed_signers');
  await writeFile(
    allowed,
    [
      `shop-worker namespaces="pgdrill-evidence" ${own}`,
      `former-worker valid-before="20261124020230" ${former}`,
      `git-only namespaces="git" ${narrow}`,
    ].join('\n'),
  );
});
afterAll(() => rm(scratch, { recursive: true }));

beforeEach(async () => {
  const path = await mkdtemp(join(scratch, 'repository-'));
  repository = { path, cluster: 'shop', storage: new LocalStorage(path), systemIdentifier: undefined };
});

/** @param keyName `none` for a worker without a key. The drill ends at 02:0<number>. */
async function seal(number: number, keyName = 'worker'): Promise<void> {
  await sealEvidence(
    repository,
    sampleEvidence({ id: `d${number}`, runId: `r${number}`, finishedAt: `2026-11-24T02:0${number}:00.000Z` }),
    {
      operation: `record ${number}`,
      attempt: 1,
      signal: new AbortController().signal,
      ...(keyName === 'none' ? {} : { sign: (text) => signText(key(keyName), text) }),
    },
  );
}
const fileOf = (id: string): string => repository.storage.pathOf(`evidence/${id}/evidence.json`);
const chain = async () => verifyChain(await readLinks(repository), await readHead(repository));

async function judge(): Promise<{ signatures: Signature[]; problems: string[] }> {
  const report = await chain();
  const signatures = await readSignatures(repository, report.chain, allowed);
  const problems = [...report.problems, ...signatureProblems(signatures)];
  return { signatures, problems: problems.map(({ id, what }) => `${what} ${id}`) };
}

it('names who signed, and stock ssh-keygen agrees', async () => {
  await seal(1);
  await seal(2);
  const { signatures, problems } = await judge();
  expect(problems).toEqual([]);
  expect(signatures.map(({ id, status, by }) => [id, status, by])).toEqual([
    ['d1', 'signed', 'shop-worker'],
    ['d2', 'signed', 'shop-worker'],
  ]);
  expect(signatures[0]?.key).toMatch(/^SHA256:/);
  const what = ['-I', 'shop-worker', '-n', 'pgdrill-evidence', '-s', `${fileOf('d2')}.sig`];
  const { stdout } = await execa('ssh-keygen', ['-Y', 'verify', '-f', allowed, ...what], { inputFile: fileOf('d2') });
  expect(stdout).toContain('Good "pgdrill-evidence" signature for shop-worker');
});

it('forged: who writes the whole chain anew, digests and all, has no signature for it', async () => {
  for (const number of [1, 2]) await seal(number);
  let previous: unknown;
  for (const id of ['d1', 'd2']) {
    const raw = JSON.parse(await readFile(fileOf(id), 'utf8')) as RawEvidence;
    raw['verdict'] = 'failed';
    if (previous !== undefined) raw['previous'] = previous;
    raw['sha256'] = digestOf(raw);
    previous = { id, sha256: raw['sha256'] };
    await writeFile(fileOf(id), JSON.stringify(raw));
  }
  await writeFile(join(repository.path, 'evidence-head.json'), JSON.stringify(previous));
  expect((await chain()).problems).toEqual([]);
  expect((await judge()).problems).toEqual(['forged d1', 'forged d2']);
});

it('a changed figure shows in the chain and in the signature; a signature of another evidence is forged', async () => {
  for (const number of [1, 2, 3]) await seal(number);
  const text = await readFile(fileOf('d1'), 'utf8');
  await writeFile(fileOf('d1'), text.replace('"rtoSeconds": 94.1', '"rtoSeconds": 9.1'));
  await writeFile(`${fileOf('d3')}.sig`, await readFile(`${fileOf('d2')}.sig`));
  expect((await judge()).problems.toSorted()).toEqual(['changed d1', 'forged d1', 'forged d3']);
  await writeFile(`${fileOf('d3')}.sig`, 'no signature');
  expect((await judge()).problems).toContain('forged d3');
});

it('forged: a change that was signed anew, but under the old digest', async () => {
  await seal(1);
  const changed = (await readFile(fileOf('d1'), 'utf8')).replace('"rtoSeconds": 94.1', '"rtoSeconds": 9.1');
  await writeFile(fileOf('d1'), changed);
  await writeFile(`${fileOf('d1')}.sig`, await signText(key('worker'), changed));
  expect((await judge()).problems).toEqual(['changed d1', 'forged d1']);
});

it('a key that nobody knows, one for another purpose, and one whose time is over are not accepted; in its time it was', async () => {
  await seal(1, 'stranger');
  await seal(2, 'former');
  await seal(3, 'former');
  await seal(4, 'narrow');
  const { signatures, problems } = await judge();
  expect(problems).toEqual(['unknown signer d1', 'unknown signer d3', 'unknown signer d4']);
  expect(signatures.map(({ by }) => by)).toEqual([undefined, 'former-worker', undefined, undefined]);
});

it('what was signed for another purpose with the same key is forged', async () => {
  await seal(1);
  const { stdout } = await execa('ssh-keygen', ['-Y', 'sign', '-f', key('worker'), '-n', 'file'], {
    inputFile: fileOf('d1'),
  });
  await writeFile(`${fileOf('d1')}.sig`, `${stdout}\n`);
  expect((await judge()).problems).toEqual(['forged d1']);
});

it('unsigned: a removed signature, and a chain without any; but not what came before signing began', async () => {
  await seal(1, 'none');
  await seal(2, 'none');
  expect((await judge()).problems).toEqual(['unsigned d2']);
  await seal(3);
  expect((await judge()).problems).toEqual([]);
  await seal(4, 'none');
  await seal(5);
  expect((await judge()).problems).toEqual(['unsigned d4']);
  await rm(`${fileOf('d5')}.sig`);
  expect((await judge()).problems).toEqual(['unsigned d4', 'unsigned d5']);
});

it('a key that cannot sign is refused in words: a passphrase, open to others, not there', async () => {
  await expect(assertCanSign(undefined)).resolves.toBeUndefined();
  await expect(assertCanSign(key('worker'))).resolves.toBeUndefined();
  await expect(assertCanSign(key('locked'))).rejects.toThrow(/locked cannot sign: .*passphrase/);
  await expect(assertCanSign(key('nowhere'))).rejects.toThrow(/No such file/);
  await chmod(key('stranger'), 0o644);
  await expect(assertCanSign(key('stranger'))).rejects.toThrow(/too open/);
  await expect(readSignatures(repository, [], key('none'))).rejects.toThrow(/There is no allowed-signers file/);
});

it('a worker without its ssh-keygen is told what to install', async () => {
  const path = process.env['PATH'];
  process.env['PATH'] = scratch;
  try {
    await expect(assertCanSign(key('worker'))).rejects.toThrow(/openssh-client/);
  } finally {
    process.env['PATH'] = path;
  }
});
