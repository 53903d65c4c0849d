import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { describe, expect, it } from 'vitest';

import { isRunning, startTimeOf, thisProcess } from '../../src/process/process-identity.js';

describe('the identity of a process', () => {
  it('is the same as long as it runs', () => {
    expect(isRunning(thisProcess())).toBe(true);
    expect(thisProcess()).toEqual(thisProcess());
  });

  it('is not that of another with its pid', () => {
    expect(isRunning({ pid: process.pid, startTime: 'another time' })).toBe(false);
  });

  it('ends with it', async () => {
    const child = spawn('sleep', ['30']);
    await once(child, 'spawn');
    const identity = { pid: child.pid!, startTime: startTimeOf(child.pid!)! };
    expect(isRunning(identity)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isRunning(identity)).toBe(false);
    expect(startTimeOf(identity.pid)).toBeUndefined();
  });

  it('is found also where the program’s name holds spaces and parentheses', async () => {
    const child = spawn(process.execPath, ['-e', `process.title = 'a) S (b'; setTimeout(() => {}, 30000)`]);
    await once(child, 'spawn');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(startTimeOf(child.pid!)).toMatch(/^\d+$/);
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
});
