import { basename } from 'node:path';

import { execa } from 'execa';

import { diskFull, notWritable } from '../files/durable.js';
import { ioErrorIn } from '../files/io-error.js';
import { ToolchainError, ToolError, ToolKilledError } from '../errors.js';
import { forget, newId, note } from '../registry/current.js';
import { endGroup } from './kill-group.js';
import { startTimeOf } from './process-identity.js';
import { serverUser } from './server-user.js';
import { toolBegins } from './tools-at-work.js';
import { reapTool, releaseToolLock, writeToolLock } from './tool-lock.js';
import { watchStopped } from './watch-stopped.js';

/** Enough of a tool's last words to see what went wrong, little enough for an error message in Temporal's history. */
const stderrTailChars = 2_000;

/** How long output may still come after a tool has ended: its last words are read long before. */
const pipeGraceMs = 2_000;

export interface ToolRun {
  /** Absolute path of the program. */
  file: string;
  args: readonly string[];
  /** Environment variables on top of ours. */
  env?: Readonly<Record<string, string | undefined>>;
  signal?: AbortSignal;
  /** Given every line of standard output as it comes; `stdout` of the result is then empty. */
  onStdoutLine?: (line: string) => void;
  /** Given every line of standard error as it comes. Progress bars that use carriage returns count as lines. */
  onStderrLine?: (line: string) => void;
  /** Exit codes that are an answer, not an error. Default: only 0. */
  answers?: readonly number[];
  /** Where to write down who runs, for the next attempt to reap. */
  lock?: { path: string; operation: string; attempt: number };
  /** Where the tool writes, named when that disk is full. */
  writesTo?: string;
  /** Where the files lie that it names without their directory. */
  readsFrom?: string;
  stdin?: string;
  /** For pg_ctl, which ends within seconds: what it starts stays on purpose and is registered as a sandbox. */
  unregistered?: boolean;
}

/** Names a tool's entry in the registry to whoever finds the process before the entry names it. */
export const entryVariable = 'PGDRILL_ENTRY';

export interface ToolResult {
  stdout: string;
  stderr: string;
  exitCode: number;
  durationMs: number;
}

/**
 * The one way to run a tool: in its own process group, as the server user where we are root, with its last words in the
 * error, and gone (the whole group) when the step is cancelled.
 *
 * @throws the signal's reason when cancelled, DiskFullError, StorageError, ToolchainError when the program is missing, ToolKilledError when
 *   something ended it from outside, else ToolError.
 */
export async function runTool(run: ToolRun): Promise<ToolResult> {
  if (run.lock !== undefined) await reapTool(run.lock.path);
  const tool = basename(run.file);
  const entry = run.unregistered === true ? undefined : newId('tool');
  if (entry !== undefined) await note(entry, { kind: 'tool', tool }).catch(() => undefined); // see `asOwner`
  try {
    return await runRegistered(run, tool, entry);
  } finally {
    if (entry !== undefined) await forget(entry).catch(() => undefined);
  }
}

async function runRegistered(run: ToolRun, tool: string, entry: string | undefined): Promise<ToolResult> {
  run.signal?.throwIfAborted(); // nothing is awaited between here and listening for the abort below
  const startedAt = performance.now();
  const user = serverUser();
  const child = execa(run.file, run.args, {
    cwd: '/', // the server user may not be able to enter ours
    detached: true,
    reject: false,
    buffer: { stdout: run.onStdoutLine === undefined, stderr: true },
    maxBuffer: { stdout: 200_000_000, stderr: 100_000_000 },
    ...(run.stdin === undefined ? { stdin: 'ignore' as const } : { input: run.stdin }),
    env: {
      LC_ALL: 'C',
      TZ: 'UTC',
      ...(entry === undefined ? {} : { [entryVariable]: entry }),
      ...(user === undefined ? {} : { HOME: user.home, USER: user.name }),
      ...run.env,
    },
    ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
  });
  const reading = Promise.all([
    run.onStdoutLine === undefined ? undefined : forEachLine(child.stdout, run.onStdoutLine),
    run.onStderrLine === undefined ? undefined : forEachLine(child.stderr, run.onStderrLine),
  ]);
  reading.catch(() => undefined); // it is awaited below, after the process was written down
  const end = async (): Promise<void> => {
    if (child.pid !== undefined) await endGroup(child.pid);
  };
  const cancel = (): void => void end();
  // A descendant that left the group may hold our pipe for ever: once the tool itself is gone, little more is waited for.
  child.once('exit', () => {
    setTimeout(() => {
      child.stdout.destroy();
      child.stderr.destroy();
    }, pipeGraceMs).unref();
  });
  run.signal?.addEventListener('abort', cancel, { once: true });
  let stoodStill = false;
  const unwatch = watchStopped(child.pid, () => {
    stoodStill = true;
    cancel();
  });
  const over = toolBegins(child.pid);
  try {
    if (child.pid !== undefined) await writeDown(run, tool, child.pid, entry);
    const [result] = await Promise.all([child, reading]);
    run.signal?.throwIfAborted();
    const exitCode = result.exitCode;
    if (exitCode !== undefined && (run.answers ?? [0]).includes(exitCode)) {
      const stdout = typeof result.stdout === 'string' ? result.stdout : '';
      return { stdout, stderr: result.stderr, exitCode, durationMs: performance.now() - startedAt };
    }
    throw explainFailure(run, {
      exitCode,
      signal: result.signal,
      stderr: result.stderr,
      code: result.code,
      stoodStill,
    });
  } catch (error) {
    // Where the lock could not be written, or a line not be taken, the tool still runs.
    if (child.exitCode === null && child.signalCode === null) await end();
    throw error;
  } finally {
    over();
    unwatch();
    run.signal?.removeEventListener('abort', cancel);
    if (run.lock !== undefined && child.pid !== undefined) await releaseToolLock(run.lock.path, child.pid);
  }
}

/** Who runs: for the next attempt (the lock), and for the janitor where there is none. */
async function writeDown(run: ToolRun, tool: string, pid: number, entry: string | undefined): Promise<void> {
  const startTime = startTimeOf(pid);
  if (entry !== undefined && startTime !== undefined)
    await note(entry, { kind: 'tool', tool, process: { pid, startTime } }).catch(() => undefined);
  if (run.lock === undefined) return;
  const { path, ...lock } = run.lock;
  await writeToolLock(path, { tool, pid, ...lock });
}

function explainFailure(
  run: ToolRun,
  ending: {
    exitCode: number | undefined;
    signal: string | undefined;
    stderr: string | undefined;
    code: string | undefined;
    stoodStill: boolean;
  },
): Error {
  const name = basename(run.file);
  if (ending.code === 'ENOENT' || ending.code === 'EACCES') {
    return new ToolchainError({
      what: `${run.file} cannot be run (${ending.code}).`,
      means: `pgdrill needs ${name} of PostgreSQL 17 or newer.`,
      todo: 'Install it, or name the directory that holds it in PGDRILL_PG_BIN; as root, the server user must be able to reach it.',
    });
  }
  const stderr = ending.stderr ?? '';
  if (/no space left on device|disk quota exceeded/i.test(stderr))
    return diskFull(run.writesTo ?? `the work of ${name}`);
  if (run.writesTo !== undefined && /read-only file system/i.test(stderr))
    return notWritable(run.writesTo, `the file system is read-only (${stderr.slice(-stderrTailChars).trim()})`);
  const failing = ioErrorIn(stderr, run.readsFrom);
  if (failing !== undefined) return failing;
  const killed = ending.stoodStill || ending.signal !== undefined;
  return new (killed ? ToolKilledError : ToolError)({
    name,
    exitCode: ending.exitCode,
    signal: ending.signal,
    stderrTail: ending.stoodStill
      ? 'it had been stopped (SIGSTOP) and stood still, so it was ended'
      : stderr.slice(-stderrTailChars),
  });
}

async function forEachLine(stream: NodeJS.ReadableStream, onLine: (line: string) => void): Promise<void> {
  stream.setEncoding('utf8');
  let rest = '';
  for await (const chunk of stream) {
    // Only what is new is searched: a line may be many megabytes long (pg_waldump spells logical messages out).
    const lines = String(chunk).split(/\r?\n|\r/);
    lines[0] = rest + (lines[0] ?? '');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  }
  if (rest !== '') onLine(rest);
}
