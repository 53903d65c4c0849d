import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { BusyError } from '../../src/errors.js';
import { startTimeOf } from '../../src/process/process-identity.js';
import { withWriterLock } from '../../src/repository/writer-lock.js';
import { makeScratch, removeScratch } from '../support/scratch.js';

let scratch: string;
beforeEach(async () => {
  scratch = await makeScratch();
});
afterEach(() => removeScratch(scratch));

const lockOf = (pid: number, startTime: string, host = hostname()): string =>
  JSON.stringify({ host, pid, startTime, operation: 'wf/older', since: '2026-01-01T00:00:00Z', id: 'x' });

const place = (text: string): Promise<void> => writeFile(join(scratch, 'writer.lock'), text);

const releases: (() => void)[] = [];

describe('the writer lock', () => {
  it('is held while work runs, and gone afterwards', async () => {
    const holder = await withWriterLock(
      scratch,
      'wf/backup',
      async () => JSON.parse(await readFile(join(scratch, 'writer.lock'), 'utf8')) as unknown,
    );
    expect(holder).toMatchObject({ pid: process.pid, operation: 'wf/backup', host: hostname() });
    expect(await readdir(scratch)).toEqual([]);
  });

  it('is released when work fails', async () => {
    await expect(withWriterLock(scratch, 'a', () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    await expect(withWriterLock(scratch, 'b', () => Promise.resolve('done'))).resolves.toBe('done');
  });

  it('turns a second writer away, naming the first, so that it is tried again', async () => {
    await withWriterLock(scratch, 'wf/first', async () => {
      const second = withWriterLock(scratch, 'wf/second', () => Promise.resolve());
      await expect(second).rejects.toThrow(BusyError);
      await expect(second).rejects.toMatchObject({ retryable: true });
      await expect(second).rejects.toThrow('is being written by wf/first');
    });
    expect(await readdir(scratch)).toEqual([]);
  });

  it('turns a writer away while another process lives', async () => {
    const child = spawn('sleep', ['30']);
    await once(child, 'spawn');
    await place(lockOf(child.pid!, startTimeOf(child.pid!)!));
    await expect(withWriterLock(scratch, 'x', () => Promise.resolve())).rejects.toThrow(`process ${child.pid!}`);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await expect(withWriterLock(scratch, 'x', () => Promise.resolve('taken over'))).resolves.toBe('taken over');
  });

  it.each([
    ['of a process that only has the same pid', () => lockOf(process.ppid, 'another time')],
    ['of an attempt of ours that is gone', () => lockOf(process.pid, startTimeOf(process.pid)!)],
    ['that a crash cut short', () => '{"host": '],
    ['that a crash left empty', () => ''],
  ])('is taken over from a lock %s', async (_, text) => {
    await place(text());
    await expect(withWriterLock(scratch, 'next', () => Promise.resolve('taken over'))).resolves.toBe('taken over');
    expect(await readdir(scratch)).toEqual([]);
  });

  it('is taken from an earlier attempt at the same operation, which then must not touch anything, nor release it', async () => {
    await withWriterLock(
      scratch,
      'wf/backup',
      async (first) => {
        await first.assertHeld();
        const otherOperation = withWriterLock(scratch, 'wf/another', () => Promise.resolve(), 2);
        await expect(otherOperation).rejects.toThrow(BusyError);
        let release = (): void => undefined;
        const entered = new Promise<void>((enter) => {
          void withWriterLock(
            scratch,
            'wf/backup',
            async (second) => {
              await second.assertHeld();
              enter();
              await new Promise<void>((resolve) => (release = resolve));
            },
            2,
          );
        });
        await entered;
        await expect(first.assertHeld()).rejects.toThrow(
          /does not hold .*writer\.lock any more; attempt 2 of wf\/backup does/,
        );
        // A still earlier (or the same) attempt takes nothing back.
        for (const attempt of [1, 2]) {
          const late = withWriterLock(scratch, 'wf/backup', () => Promise.resolve(), attempt);
          await expect(late).rejects.toThrow(BusyError);
        }
        releases.push(release);
      },
      1,
    );
    expect(JSON.parse(await readFile(join(scratch, 'writer.lock'), 'utf8'))).toMatchObject({ attempt: 2 });
    for (const release of releases.splice(0)) release();
    await expect.poll(() => readdir(scratch)).toEqual([]);
  });

  it('is never taken from another host, which we cannot look into', async () => {
    await place(lockOf(1, 'whenever', 'another-host'));
    await expect(withWriterLock(scratch, 'next', () => Promise.resolve())).rejects.toThrow(/remove .*writer\.lock/);
  });

  it('is taken over by one of many who come at once', async () => {
    for (let round = 0; round < 20; round += 1) {
      await place(lockOf(process.ppid, 'another time'));
      let [inside, most] = [0, 0];
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, (_, index) =>
          withWriterLock(scratch, `writer ${index}`, async () => {
            inside += 1;
            most = Math.max(most, inside);
            await new Promise((resolve) => setTimeout(resolve, 5));
            inside -= 1;
          }),
        ),
      );
      expect(most).toBe(1);
      expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(1);
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(BusyError);
      expect(await readdir(scratch)).toEqual([]);
    }
  });
});
