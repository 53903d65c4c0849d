import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { describe, expect, it } from 'vitest';

const runChild = new URL('../../scripts/run-child.mjs', import.meta.url).href;

/** A program that takes its time to stop, and counts the signals it gets meanwhile. */
const child = `
  let signals = [];
  const stop = (signal) => { signals.push(signal); if (signals.length === 1) setTimeout(() => { console.log(signals.join()); process.exit(3); }, 400); };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  setTimeout(() => process.exit(9), 8000);
  console.log('ready');
`;

/** @returns what the program printed and how the parent ended, after a signal to the parent alone or to its group. */
async function afterSignal(signal: NodeJS.Signals, to: 'parent' | 'group'): Promise<{ said: string[]; code: unknown }> {
  const script = `
    const { runChild } = await import(${JSON.stringify(runChild)});
    const { exitCode } = await runChild(process.execPath, ['-e', ${JSON.stringify(child)}]);
    process.exitCode = exitCode;`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said: string[] = [];
  const ended = once(parent, 'exit');
  const lines = createInterface({ input: parent.stdout });
  for await (const line of lines) {
    said.push(line);
    if (line === 'ready') process.kill(to === 'group' ? -parent.pid! : parent.pid!, signal);
  }
  return { said, code: ((await ended) as unknown[])[0] };
}

describe('a program that was started by with-setup', () => {
  it.each([
    ['SIGINT', 'parent'],
    ['SIGTERM', 'parent'],
    ['SIGINT', 'group'], // Ctrl-C in a terminal
    ['SIGTERM', 'group'], // timeout(1)
  ] as const)('gets %s to the %s exactly once, may finish, and its exit code is passed on', async (signal, to) => {
    expect(await afterSignal(signal, to)).toEqual({ said: ['ready', signal], code: 3 });
  });
});
