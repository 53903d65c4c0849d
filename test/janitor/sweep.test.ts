import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { UnreachableError } from '../../src/errors.js';
import { type OwnerState, unknownAgeMs } from '../../src/janitor/decide.js';
import { sweep, type SweepRequest } from '../../src/janitor/sweep.js';
import { startTimeOf, thisProcess } from '../../src/process/process-identity.js';
import { runTool } from '../../src/process/run-tool.js';
import { asOwner } from '../../src/registry/current.js';
import type { Entry, Thing } from '../../src/registry/entry.js';
import { idOf, Registry } from '../../src/registry/registry.js';
import { listHolds, putHold } from '../../src/repository/holds.js';
import { openOrCreateRepository } from '../../src/repository/repository.js';
import { sandboxLayout } from '../../src/restore/sandbox.js';
import type { Hold } from '../../src/schema/hold.js';
import { testTools } from '../support/cluster.js';
import { makeScratch, removeScratch } from '../support/scratch.js';

const owner = { namespace: 'default', workflowId: 'drill-x', runId: '0f1e2d3c-0000-4000-8000-000000000000' };
const operation = `${owner.workflowId}/${owner.runId}/5-prepareRestore`;
const closed: OwnerState = { state: 'closed', closedAt: '2026-01-01T00:00:00.000Z' };

let scratch: string;
let registry: Registry;
beforeEach(async () => {
  scratch = await makeScratch();
  registry = new Registry(scratch);
});
afterEach(() => removeScratch(scratch));

function sweepNow(state: OwnerState, more: Partial<SweepRequest> = {}): ReturnType<typeof sweep> {
  return sweep({
    stateDirectory: scratch,
    sandboxDirectories: [join(scratch, 'sandboxes')],
    namespace: 'default',
    ownerState: () => Promise.resolve(state),
    tools: () => testTools(),
    ...more,
  });
}

async function put(id: string, thing: Thing, more: Partial<Entry> = {}): Promise<void> {
  const createdAt = new Date().toISOString();
  const entry = { formatVersion: 1, owner, operation, attempt: 1, host: hostname(), createdAt, ...thing, ...more };
  await registry.put(id, entry as Entry);
}

/** A half-done backup in a repository, as a killed worker leaves it. */
async function stage(more: Partial<Entry> = {}): Promise<string> {
  const path = join(scratch, 'repository', 'backups', '20261124T120000Z-full.partial-1');
  await mkdir(path, { recursive: true });
  await writeFile(join(scratch, 'repository', 'pgdrill.json'), '{}');
  await writeFile(join(path, 'half'), 'done');
  await put(idOf('staged', path), { kind: 'staged', path }, more);
  return path;
}

const ids = async (): Promise<string[]> => (await registry.list()).entries.map(({ id }) => id);

describe('a half-done backup', () => {
  it('goes with its entry once its run is over, and not in a dry run', async () => {
    const path = await stage();
    const dry = await sweepNow(closed, { dryRun: true });
    expect(dry).toMatchObject({
      dryRun: true,
      removed: [{ what: `unfinished backup ${path}`, workflowId: 'drill-x' }],
    });
    expect([existsSync(path), await ids()]).toEqual([true, [idOf('staged', path)]]);
    expect(await sweepNow(closed)).toMatchObject({ removed: [{ what: `unfinished backup ${path}` }], failed: [] });
    expect([existsSync(path), await ids()]).toEqual([false, []]);
    expect(await sweepNow(closed)).toMatchObject({ removed: [], kept: [], refused: [], failed: [] });
  });

  it('stays while its run goes on', async () => {
    const path = await stage();
    expect(await sweepNow({ state: 'running' })).toMatchObject({ removed: [], kept: [{ why: 'its run is not over' }] });
    expect(existsSync(path)).toBe(true);
  });

  it('stays where Temporal cannot be reached, and so does everything else', async () => {
    const path = await stage();
    await put('tool-of-another', { kind: 'tool', tool: 'pg_dump' }, { owner: { ...owner, workflowId: 'another' } });
    const unreachable = sweepNow(closed, {
      ownerState: ({ workflowId }) =>
        workflowId === 'another'
          ? Promise.reject(new UnreachableError({ what: 'no answer', means: '', todo: '' }))
          : Promise.resolve(closed),
    });
    await expect(unreachable).rejects.toThrow('no answer');
    expect([existsSync(path), (await ids()).length]).toEqual([true, 2]);
  });

  it('of a run that Temporal does not know stays until it is old', async () => {
    const path = await stage();
    expect((await sweepNow({ state: 'unknown' })).kept).toHaveLength(1);
    expect(existsSync(path)).toBe(true);
    await stage({ createdAt: new Date(Date.now() - unknownAgeMs).toISOString() });
    expect((await sweepNow({ state: 'unknown' })).removed).toHaveLength(1);
    expect(existsSync(path)).toBe(false);
  });

  it('stays while an attempt of its run still works in a living process, whatever Temporal says', async () => {
    const path = await stage();
    await put('step-1', { kind: 'step', process: thisProcess() });
    expect(await sweepNow(closed)).toMatchObject({ removed: [], kept: [{ why: 'a worker still works for its run' }] });
    await put('step-1', { kind: 'step', process: { ...thisProcess(), startTime: 'of a dead worker' } });
    expect((await sweepNow(closed)).removed).toHaveLength(1);
    expect([existsSync(path), await ids()]).toEqual([false, []]);
  });

  it('of another host is left to that host until it is said to be gone', async () => {
    const path = await stage({ host: 'elsewhere' });
    expect((await sweepNow(closed)).kept).toMatchObject([{ why: expect.stringContaining('host elsewhere') as string }]);
    expect((await sweepNow(closed, { goneHosts: ['elsewhere'] })).removed).toHaveLength(1);
    expect(existsSync(path)).toBe(false);
  });
});

describe('what does not bear our mark is never removed:', () => {
  it('a directory that an entry names but that is no staged backup', async () => {
    const precious = join(scratch, 'precious');
    await mkdir(precious);
    await writeFile(join(precious, 'data'), 'mine');
    await put('staged-wrong', { kind: 'staged', path: precious });
    const report = await sweepNow(closed);
    expect(report).toMatchObject({ removed: [], refused: [{ what: `unfinished backup ${precious}` }] });
    expect(report.refused[0]!.todo).toContain(precious);
    expect(await readFile(join(precious, 'data'), 'utf8')).toBe('mine');
  });

  it.each([
    ['nobody', undefined],
    ['another run', 'another/0f1e2d3c-0000-4000-8000-000000000000/5-prepareRestore'],
  ])('a sandbox directory that is claimed by %s', async (_, claim) => {
    const sandbox = sandboxLayout('drill-x', join(scratch, 'sandboxes'));
    await mkdir(sandbox.dataDirectory, { recursive: true });
    if (claim !== undefined)
      await writeFile(join(sandbox.directory, 'claim'), JSON.stringify({ operation: claim, attempt: 1, token: 't' }));
    await put(idOf('sandbox', sandbox.directory), { kind: 'sandbox', sandbox });
    expect((await sweepNow(closed)).refused).toMatchObject([{ why: 'it does not bear the mark of its owner' }]);
    expect(existsSync(sandbox.dataDirectory)).toBe(true);
  });

  it("a recovery's directory whose claim was never written", async () => {
    const into = join(scratch, 'into');
    await mkdir(into);
    await writeFile(join(into, 'data'), 'mine');
    const sandbox = sandboxLayout('recover-x', join(scratch, 'sandboxes'), into);
    await mkdir(sandbox.directory, { recursive: true });
    await put(idOf('sandbox', sandbox.directory), { kind: 'sandbox', sandbox });
    expect((await sweepNow(closed)).removed).toHaveLength(1);
    expect([existsSync(sandbox.directory), existsSync(join(into, 'data'))]).toEqual([false, true]);
  });
});

describe('a recovery', () => {
  async function claimed(opened: boolean): Promise<string> {
    const into = join(scratch, 'into');
    const sandbox = sandboxLayout('recover-x', join(scratch, 'sandboxes'), into);
    for (const directory of [into, sandbox.directory]) await mkdir(directory, { recursive: true });
    await writeFile(join(into, 'PG_VERSION'), '17');
    await writeFile(join(sandbox.directory, 'claim'), JSON.stringify({ operation, attempt: 1, token: 't' }));
    if (opened) await writeFile(join(sandbox.directory, 'opened'), operation);
    await put(idOf('sandbox', sandbox.directory), { kind: 'sandbox', sandbox });
    return into;
  }

  it('that was never opened goes: nothing in it is anybody’s', async () => {
    const into = await claimed(false);
    expect((await sweepNow(closed)).removed).toHaveLength(1);
    expect(existsSync(into)).toBe(false);
  });

  it('that was opened is reported, never thrown away', async () => {
    const into = await claimed(true);
    const report = await sweepNow(closed);
    expect(report).toMatchObject({
      removed: [],
      refused: [{ why: expect.stringContaining('never thrown away') as string }],
    });
    expect(report.refused[0]!.todo).toContain(into);
    expect(existsSync(join(into, 'PG_VERSION'))).toBe(true);
  });
});

describe('a tool', () => {
  it('is registered while it runs, with its owner and process, and not afterwards', async () => {
    const working = asOwner({ registry, owner, operation, attempt: 2 }, () =>
      runTool({ file: '/bin/sh', args: ['-c', 'sleep 1'] }),
    );
    await expect
      .poll(async () => (await registry.list()).entries.map(({ entry }) => entry), { timeout: 5_000 })
      .toEqual([
        expect.objectContaining({ kind: 'step', owner, attempt: 2, process: thisProcess() }),
        expect.objectContaining({
          kind: 'tool',
          tool: 'sh',
          owner,
          operation,
          host: hostname(),
          process: { pid: expect.any(Number) as number, startTime: expect.any(String) as string },
        }),
      ]);
    await working;
    expect(await ids()).toEqual([]);
  });

  it('whose worker was killed is ended with its whole group', async () => {
    const child = spawn('/bin/sh', ['-c', 'sleep 300 & wait'], { detached: true, stdio: 'ignore' });
    await once(child, 'spawn');
    const process = { pid: child.pid!, startTime: startTimeOf(child.pid!)! };
    await put('tool-1', { kind: 'tool', tool: 'sh', process });
    expect((await sweepNow({ state: 'running' })).removed).toEqual([]);
    expect(startTimeOf(child.pid!)).toBe(process.startTime);
    expect((await sweepNow(closed)).removed).toHaveLength(1);
    expect([startTimeOf(child.pid!), await ids()]).toEqual([undefined, []]);
  });

  it('whose worker was killed before it could name the process is found all the same', async () => {
    const child = spawn('/bin/sh', ['-c', 'sleep 300 & wait'], {
      detached: true,
      stdio: 'ignore',
      env: { PATH: process.env['PATH'], PGDRILL_ENTRY: 'tool-2' },
    });
    await once(child, 'spawn');
    await put('tool-2', { kind: 'tool', tool: 'sh' });
    expect((await sweepNow(closed)).removed).toHaveLength(1);
    expect(startTimeOf(child.pid!)).toBeUndefined();
  });

  it('of an earlier attempt at the same step is ended when the next attempt begins, others are not', async () => {
    const children = [1, 2].map(() => spawn('/bin/sleep', ['300'], { detached: true, stdio: 'ignore' }));
    await Promise.all(children.map((child) => once(child, 'spawn')));
    const [earlier, other] = children.map(({ pid }) => ({ pid: pid!, startTime: startTimeOf(pid!)! }));
    await put('tool-4', { kind: 'tool', tool: 'sleep', process: earlier! });
    await put('tool-5', { kind: 'tool', tool: 'sleep', process: other! }, { operation: 'another' });
    await asOwner({ registry, owner, operation, attempt: 2 }, () => Promise.resolve());
    expect([startTimeOf(earlier!.pid), startTimeOf(other!.pid)]).toEqual([undefined, other!.startTime]);
    expect(await ids()).toEqual(['tool-5']);
    await sweepNow(closed);
    expect(startTimeOf(other!.pid)).toBeUndefined();
  });

  it('that has ended leaves only an entry, which goes; a process that merely has its pid lives on', async () => {
    await put('tool-3', { kind: 'tool', tool: 'sh', process: { pid: process.pid, startTime: 'long ago' } });
    expect(await sweepNow(closed)).toMatchObject({ removed: [], kept: [] });
    expect(await ids()).toEqual([]);
  });
});

it('a lock goes only if it is still the one that was left, and its process is dead', async () => {
  const path = join(scratch, 'writer.lock');
  const lock = (id: string, startTime: string) =>
    JSON.stringify({ host: hostname(), pid: process.ppid, startTime, operation, since: '', id });
  await writeFile(path, lock('left', startTimeOf(process.ppid)!));
  await put('lock-1', { kind: 'lock', path, id: 'left' });
  expect((await sweepNow(closed)).kept).toMatchObject([{ why: 'the process that holds it lives' }]);
  await writeFile(path, lock('taken since', 'another time'));
  await sweepNow(closed);
  expect([existsSync(path), await ids()]).toEqual([true, []]);
  await put('lock-1', { kind: 'lock', path, id: 'taken since' });
  await sweepNow(closed);
  expect(existsSync(path)).toBe(false);
});

it('what should go and does not is said, with what to do, and found again the next time', async () => {
  const path = await stage();
  await writeFile(`${path}.lock`, 'not a lock');
  const { failed } = await sweepNow(closed);
  expect(failed).toMatchObject([{ what: `unfinished backup ${path}`, workflowId: 'drill-x' }]);
  expect(failed[0]!.todo).toMatch(/run pgdrill janitor/);
  expect(await ids()).toEqual([idOf('staged', path)]);
});

it('a sandbox that is not registered is found by its claim', async () => {
  const sandbox = sandboxLayout('drill-x', join(scratch, 'sandboxes'));
  await mkdir(sandbox.dataDirectory, { recursive: true });
  await mkdir(join(scratch, 'sandboxes', 'of-somebody-else'));
  await writeFile(join(sandbox.directory, 'claim'), operation); // as earlier versions wrote it
  expect((await sweepNow({ state: 'running' })).kept).toHaveLength(1);
  expect((await sweepNow(closed)).removed).toMatchObject([{ what: `sandbox ${sandbox.directory}` }]);
  expect(await readdir(join(scratch, 'sandboxes'))).toEqual(['of-somebody-else']);
});

it('an entry that cannot be read is said and left', async () => {
  await stage();
  await writeFile(join(registry.directory, 'tool-broken.json'), '');
  expect((await sweepNow(closed)).refused).toMatchObject([{ what: expect.stringContaining('tool-broken') as string }]);
});

it('two sweeps do not get in each other’s way', async () => {
  await stage();
  const slow = sweepNow(closed, {
    ownerState: () => new Promise((resolve) => setTimeout(() => resolve(closed), 500)),
  });
  await expect.poll(() => existsSync(join(scratch, 'janitor.lock')), { timeout: 5_000, interval: 5 }).toBe(true);
  await expect(sweepNow(closed)).rejects.toThrow(/is being written by another janitor/);
  expect((await slow).removed).toHaveLength(1);
});

describe('a hold in a repository', () => {
  const run = { kind: 'run', namespace: owner.namespace, workflowId: owner.workflowId, runId: owner.runId } as const;
  const hold = (id: string, more: Partial<Hold>): Hold => ({
    formatVersion: 1,
    id,
    cluster: 'shop',
    by: run,
    reason: 'a restore is being planned',
    everything: true,
    backups: [],
    since: new Date().toISOString(),
    ...more,
  });

  it('is released once its run is over or it has expired, and a person’s that lasts stays', async () => {
    const place = {
      name: 'shop',
      repository: join(scratch, 'repository'),
      walDirectory: join(scratch, 'repository', 'wal'),
    };
    const repository = await openOrCreateRepository(place);
    const { signal } = new AbortController();
    const ada = { kind: 'person', name: 'ada' } as const;
    await putHold(repository, hold('of-a-run', {}), signal);
    await putHold(repository, hold('of-ada', { by: ada }), signal);
    await putHold(repository, hold('expired', { by: ada, until: '2026-01-01T00:00:00.000Z' }), signal);
    const left = async (): Promise<string[]> => (await listHolds(repository)).map(({ id }) => id).sort();
    await sweepNow(closed, { repositories: [place], dryRun: true });
    expect(await left()).toHaveLength(3);
    await sweepNow({ state: 'running' }, { repositories: [place] });
    expect(await left()).toEqual(['of-a-run', 'of-ada']);
    await sweepNow(closed, { repositories: [place] });
    expect(await left()).toEqual(['of-ada']);
  });
});
