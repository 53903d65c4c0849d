import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { execa } from 'execa';

const dist = join(import.meta.dirname, '..', '..', 'dist');
/** The built `pgdrill`. */
export const main = join(dist, 'src', 'cli', 'main.js');

export interface CommandResult {
  exitCode: number | undefined;
  stdout: string;
  stderr: string;
}

/** The same on every terminal, and on a build server: what tells Node that colours are wanted, or are not, is not passed on. */
const own = { CI: undefined, FORCE_COLOR: undefined, NODE_DISABLE_COLORS: undefined };
const bare = { ...own, NO_COLOR: '1' };

/** Runs the built `pgdrill` as a person would. */
export async function pgdrill(
  args: readonly string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): Promise<CommandResult> {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [main, ...args], {
    reject: false,
    cwd: options.cwd ?? '/',
    env: { ...bare, ...options.env },
    stdin: 'ignore',
  });
  return { exitCode, stdout, stderr };
}

export interface OnTerminal {
  /** All that was drawn so far, with its control sequences. */
  output: () => string;
  /** Types: `'\x03'` is Ctrl-C. */
  type: (keys: string) => void;
  exitCode: Promise<number>;
  kill: () => void;
}

/** Runs the built `pgdrill` on a terminal of its own (script(1), which every Debian has) of 30 rows and 100 columns. */
export function pgdrillOnTerminal(args: readonly string[], env: Record<string, string>): OnTerminal {
  const words = [process.execPath, main, ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qefc', `stty rows 30 cols 100; exec ${words}`, '/dev/null'], {
    cwd: '/',
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...own, TERM: 'xterm-256color', NO_COLOR: '', ...env },
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return {
    output: () => output,
    type: (keys) => void child.stdin.write(keys),
    kill: () => void child.kill('SIGKILL'), // its terminal goes with it, which ends what runs there
    exitCode: once(child, 'close').then(([code, signal]: (number | string | null)[]) => Number(code ?? signal)),
  };
}

export interface Program {
  pid: number;
  /** All that it has printed so far. */
  output: () => string;
  stdout: () => string;
  kill: (signal: NodeJS.Signals) => Promise<number | null>;
}

/** Starts a built program of ours in its own process group and waits until it has printed something that matches. */
export async function launch(
  file: string,
  args: readonly string[],
  env: Record<string, string>,
  ready: RegExp,
  withinMs = 60_000,
): Promise<Program> {
  const child: ChildProcess = spawn(process.execPath, [join(dist, file), ...args], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...bare, ...env },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const program: Program = {
    pid: child.pid ?? -1,
    output: () => stderr + stdout,
    stdout: () => stdout,
    kill: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const ended = once(child, 'exit') as Promise<[number | null]>;
      child.kill(signal);
      return (await ended)[0];
    },
  };
  const deadline = Date.now() + withinMs;
  while (!ready.test(program.output())) {
    if (child.exitCode !== null || Date.now() > deadline)
      throw new Error(`${file} did not come up: ${program.output()}`);
    await sleep(50);
  }
  return program;
}

/** A worker as a process of its own, polling. */
export async function launchWorker(configuration: string, env: Record<string, string>): Promise<Program> {
  return await launch(
    join('workers', 'worker.js'),
    [],
    { ...env, PGDRILL_CONFIG: configuration },
    /polling task queue/,
  );
}

/** The embedded stack: ready, or as far as `until` says. */
export async function launchDev(
  args: readonly string[],
  env: Record<string, string>,
  until = /Stop with Ctrl-C/,
): Promise<Program> {
  return await launch(join('src', 'cli', 'main.js'), ['dev', ...args], env, until);
}

/** The demo: up to where everything is left running. */
export async function launchDemo(env: Record<string, string>): Promise<Program> {
  return await launch(join('src', 'cli', 'main.js'), ['demo', '--keep'], env, /Ctrl-C stops and removes/, 300_000);
}

/** Asks again and again until there is an answer, within a minute unless told otherwise. */
export async function eventually<T>(
  what: string,
  ask: () => T | undefined | Promise<T | undefined>,
  withinSeconds = 60,
): Promise<T> {
  const deadline = Date.now() + withinSeconds * 1_000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${withinSeconds} s in vain for ${what}`);
    await sleep(20);
  }
}
