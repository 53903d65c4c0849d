import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { DiskFullError, StorageError, ToolchainError, ToolError, ToolKilledError } from '../../src/errors.js';
import { startTimeOf } from '../../src/process/process-identity.js';
import { runTool, type ToolRun } from '../../src/process/run-tool.js';
import { serverUser } from '../../src/process/server-user.js';
import { reapTool, writeToolLock } from '../../src/process/tool-lock.js';
import { processesUnder } from '../support/leftovers.js';
import { makeScratch, removeScratch } from '../support/scratch.js';

let scratch: string;
beforeAll(async () => {
  scratch = await makeScratch();
});
afterAll(() => removeScratch(scratch));

function shell(script: string, more: Partial<ToolRun> = {}): ToolRun {
  return { file: '/bin/sh', args: ['-c', script], ...more };
}

/** A pid that a script wrote down. */
async function pidIn(file: string): Promise<number> {
  return await expect
    .poll(async () => Number(await readFile(join(scratch, file), 'utf8').catch(() => '0')), { timeout: 5_000 })
    .toBeGreaterThan(0)
    .then(async () => Number(await readFile(join(scratch, file), 'utf8')));
}

async function thrownBy(run: ToolRun): Promise<unknown> {
  return await runTool(run).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('running a tool', () => {
  it('answers with its output and its time', async () => {
    const result = await runTool(shell('echo out; echo err >&2; sleep 0.1'));
    expect(result).toMatchObject({ stdout: 'out', stderr: 'err', exitCode: 0 });
    expect(result.durationMs).toBeGreaterThan(90);
  });

  it('runs it in English and UTC, outside our directory, as the server user where we are root', async () => {
    const { stdout } = await runTool(shell('echo $LC_ALL $TZ $PWD $(id -u)'));
    expect(stdout).toBe(`C UTC / ${serverUser()?.uid ?? process.getuid?.() ?? ''}`);
  });

  it('fails with the exit code and the last words of a tool', async () => {
    const error = await thrownBy(shell('yes long | head -c 5000 >&2; echo "what went wrong" >&2; exit 3'));
    expect(error).toBeInstanceOf(ToolError);
    expect(error).toMatchObject({ tool: 'sh', toolExitCode: 3 });
    expect((error as ToolError).stderrTail).toMatch(/what went wrong\s*$/);
    expect((error as ToolError).stderrTail.length).toBeLessThanOrEqual(2_000);
  });

  it('takes other exit codes for an answer where told so', async () => {
    expect((await runTool(shell('exit 3', { answers: [0, 3] }))).exitCode).toBe(3);
  });

  it('names the signal that ended a tool', async () => {
    const error = await thrownBy(shell('kill -9 $$'));
    expect(error).toBeInstanceOf(ToolError);
    expect((error as Error).message).toContain('SIGKILL');
  });

  it('says what is missing and how to get it', async () => {
    const error = await thrownBy({ file: '/nowhere/pg_basebackup', args: [] });
    expect(error).toBeInstanceOf(ToolchainError);
    expect((error as Error).message).toContain('/nowhere/pg_basebackup cannot be run (ENOENT)');
    expect((error as Error).message).toContain('PGDRILL_PG_BIN');
  });

  it('says so where it may not be run', async () => {
    const file = join(scratch, 'not-executable');
    await writeFile(file, '#!/bin/sh\n');
    await chmod(file, 0o644);
    expect(await thrownBy({ file, args: [] })).toMatchObject({ message: expect.stringContaining('EACCES') as string });
  });

  it('tells a full disk from other failures', async () => {
    const error = await thrownBy(
      shell('echo "could not write: No space left on device" >&2; exit 1', { writesTo: '/some/where' }),
    );
    expect(error).toBeInstanceOf(DiskFullError);
    expect((error as Error).message).toContain('/some/where');
  });

  it('hands on lines as they come, carriage returns included, and the last one without an end', async () => {
    const [out, err]: [string[], string[]] = [[], []];
    await runTool(
      shell(String.raw`printf 'one\ntw'; sleep 0.05; printf 'o\n\nthree'; printf '1/3\r2/3\r\n3/3' >&2`, {
        onStdoutLine: (line) => out.push(line),
        onStderrLine: (line) => err.push(line),
      }),
    );
    expect(out).toEqual(['one', 'two', '', 'three']);
    expect(err.filter((line) => line !== '')).toEqual(['1/3', '2/3', '3/3']);
  });
});

describe('cancelling a tool', () => {
  it('throws the reason of the signal, and ends the whole group', async () => {
    const cancel = new AbortController();
    const reason = new Error('a person pressed cancel');
    const running = thrownBy(
      shell(`sh -c 'echo $$ > ${scratch}/child; sleep 60' & echo $$ > ${scratch}/tool; wait`, {
        signal: cancel.signal,
      }),
    );
    const pids = [await pidIn('child'), await pidIn('tool')];
    const started = performance.now();
    cancel.abort(reason);
    expect(await running).toBe(reason);
    expect(performance.now() - started).toBeLessThan(2_000);
    await expect.poll(() => pids.map(startTimeOf)).toEqual([undefined, undefined]);
  });

  it('kills what does not listen to SIGTERM', async () => {
    const cancel = new AbortController();
    const running = thrownBy(
      shell(`trap '' TERM; echo $$ > ${scratch}/deaf; while true; do sleep 0.1; done`, { signal: cancel.signal }),
    );
    const pid = await pidIn('deaf');
    cancel.abort(new Error('enough'));
    expect(await running).toMatchObject({ message: 'enough' });
    await expect.poll(() => startTimeOf(pid)).toBeUndefined();
  }, 15_000);

  it('does not start one that was cancelled before', async () => {
    const run = shell(`touch ${scratch}/started`, { signal: AbortSignal.abort(new Error('before')) });
    expect(await thrownBy(run)).toMatchObject({ message: 'before' });
    await expect(readFile(join(scratch, 'started'))).rejects.toThrow('ENOENT');
  });

  it('is heard also while an orphan is still being reaped', async () => {
    const lock = { path: join(scratch, 'slow.lock'), operation: 'test', attempt: 1 };
    const orphan = runTool(
      shell(`trap 'sleep 0.5; exit' TERM; echo $$ > ${scratch}/orphan; while true; do sleep 0.1; done`),
    );
    orphan.catch(() => undefined);
    await writeToolLock(lock.path, { tool: 'sh', pid: await pidIn('orphan'), operation: 'dead', attempt: 1 });
    const cancel = new AbortController();
    const running = thrownBy(shell('sleep 5', { lock, signal: cancel.signal }));
    setTimeout(() => cancel.abort(new Error('meanwhile')), 100);
    const started = performance.now();
    expect(await running).toMatchObject({ message: 'meanwhile' });
    expect(performance.now() - started).toBeLessThan(4_000);
    await expect(orphan).rejects.toThrow();
  });
});

describe('a tool whose descendant holds our pipe', () => {
  it('is over when it is over', async () => {
    const started = performance.now();
    const { stdout } = await runTool(shell('(sleep 30 &) ; echo done'));
    expect(stdout.trim()).toBe('done');
    expect(performance.now() - started).toBeLessThan(10_000);
  }, 15_000);

  it('is cancelled promptly, though the descendant has left the group', async () => {
    const cancel = new AbortController();
    const running = thrownBy(
      shell(`setsid sh -c 'echo $$ > ${scratch}/escaped; exec sleep 8' & wait`, { signal: cancel.signal }),
    );
    const pid = await pidIn('escaped');
    cancel.abort(new Error('enough'));
    const started = performance.now();
    expect(await running).toMatchObject({ message: 'enough' });
    expect(performance.now() - started).toBeLessThan(5_000);
    process.kill(pid, 'SIGKILL');
  }, 15_000);
});

describe('a tool that is ended from outside', () => {
  it('says nothing about what it worked on', async () => {
    const error = await thrownBy(shell('kill -9 $$'));
    expect(error).toBeInstanceOf(ToolKilledError);
    expect(error).toMatchObject({ retryable: true, message: expect.stringContaining('SIGKILL') as string });
  });

  it('is also one that stands still: it is ended, so that the step can be tried again', async () => {
    const running = thrownBy(shell(`echo $$ > ${scratch}/still; kill -STOP $$; sleep 600`));
    const pid = await pidIn('still');
    const error = await running;
    expect(error).toBeInstanceOf(ToolKilledError);
    expect(String(error)).toContain('stood still');
    expect(startTimeOf(pid)).toBeUndefined();
  }, 60_000);

  it('is not one that was stopped for a moment only', async () => {
    const running = runTool(shell(`echo $$ > ${scratch}/moment; kill -STOP $$; echo on`));
    const pid = await pidIn('moment');
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    process.kill(pid, 'SIGCONT');
    expect((await running).stdout.trim()).toBe('on');
  });
});

it('a read-only disk is no failure of the tool that was to write on it', async () => {
  const script = 'echo "pg_x: error: could not create file \\"y\\": Read-only file system" >&2; exit 1';
  expect(await thrownBy(shell(script, { writesTo: '/some/disk' }))).toBeInstanceOf(StorageError);
  expect(await thrownBy(shell(script))).not.toBeInstanceOf(StorageError);
});

describe('the lock of a tool', () => {
  it('names the process while it runs, and is gone afterwards', async () => {
    const path = join(scratch, 'tool.lock');
    const running = runTool(
      shell(`echo $$ > ${scratch}/locked; sleep 0.5`, { lock: { path, operation: 'wf/backup', attempt: 2 } }),
    );
    const pid = await pidIn('locked');
    await expect.poll(() => readFile(path, 'utf8').catch(() => '')).not.toBe('');
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
      tool: 'sh',
      pid,
      startTime: startTimeOf(pid),
      operation: 'wf/backup',
      attempt: 2,
    });
    await running;
    await expect(readFile(path)).rejects.toThrow('ENOENT');
  });

  it('lets the next attempt end what a dead worker left running', async () => {
    const path = join(scratch, 'left.lock');
    const orphan = runTool(shell(`echo $$ > ${scratch}/left; sleep 60`));
    const ended = expect(orphan).rejects.toThrow(ToolError);
    const pid = await pidIn('left');
    await writeToolLock(path, { tool: 'sh', pid, operation: 'dead', attempt: 1 });
    await runTool(shell('true', { lock: { path, operation: 'next', attempt: 2 } }));
    expect(startTimeOf(pid)).toBeUndefined();
    await ended;
  });

  it('does not make anybody end a process that merely has the same pid', async () => {
    const path = join(scratch, 'reused.lock');
    const stranger = runTool(shell(`echo $$ > ${scratch}/stranger; sleep 1`));
    const pid = await pidIn('stranger');
    await writeFile(path, JSON.stringify({ tool: 'x', pid, startTime: 'another time', operation: 'old', attempt: 1 }));
    await reapTool(path);
    expect(startTimeOf(pid)).toBeDefined();
    await stranger;
  });

  it('is left alone where it is somebody else’s by then: a worker that was taken for dead ends nobody’s tool but its own', async () => {
    const path = join(scratch, 'taken.lock');
    const next = runTool(shell(`echo $$ > ${scratch}/next; sleep 2`));
    const pid = await pidIn('next');
    const late = runTool(
      shell(`echo $$ > ${scratch}/late; until test -e ${scratch}/go; do sleep 0.05; done`, {
        lock: { path, operation: 'wf/backup', attempt: 1 },
      }),
    );
    await pidIn('late');
    await expect.poll(() => readFile(path, 'utf8').catch(() => '')).not.toBe('');
    await writeToolLock(path, { tool: 'sh', pid, operation: 'wf/backup', attempt: 2 });
    await writeFile(join(scratch, 'go'), '');
    await late;
    expect(startTimeOf(pid)).toBeDefined();
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ pid, attempt: 2 });
    await next;
  });

  it('that cannot be written does not leave the tool running', async () => {
    const lock = { path: join(scratch, 'no/such/directory/tool.lock'), operation: 'x', attempt: 1 };
    const place = join(scratch, 'unlocked'); // it and the sleep below it name this
    expect(await thrownBy(shell(`sh -c 'sleep 60' ${place}; :`, { lock }))).toMatchObject({ code: 'ENOENT' });
    expect(processesUnder(place)).toEqual([]);
  });
});

it('a disk with an I/O error is no failure of the tool that worked on it, and is not tried again', async () => {
  const script = 'echo "sh: could not read file \\"base/5/1259\\": Input/output error" >&2; exit 1';
  const error = await thrownBy(shell(script, { readsFrom: '/some/disk' }));
  expect(error).toBeInstanceOf(StorageError);
  expect(error).toMatchObject({ retryable: false });
  expect(String(error)).toContain('/some/disk/base/5/1259 cannot be used');
});
