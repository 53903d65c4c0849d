import { readFile, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { codeOf, SandboxError, StorageError } from '../errors.js';
import { diskFull, readTextFile, writeFileDurably } from '../files/durable.js';
import { ioErrorIn } from '../files/io-error.js';
import { startTimeOf } from '../process/process-identity.js';
import { runTool } from '../process/run-tool.js';
import { shellQuoted, shellWord } from '../schema/shell-word.js';
import { type PostgresTools, toolEnvironment, toolPath } from '../toolchain/postgres.js';
import { continueServer } from './stopped-server.js';

/** What a server must not inherit from our environment: it would change whom its own clients and restore_command talk to. */
const clientVariables = [
  'PGHOST',
  'PGPORT',
  'PGUSER',
  'PGDATABASE',
  'PGPASSWORD',
  'PGPASSFILE',
  'PGSERVICE',
  'PGSERVICEFILE',
  'PGOPTIONS',
  'PGDATA',
  'PGSSLMODE',
];

/** The environment of a PostgreSQL server process. */
export function serverEnvironment(tools: PostgresTools): Record<string, string | undefined> {
  return { ...Object.fromEntries(clientVariables.map((name) => [name, undefined])), ...toolEnvironment(tools) };
}

/** Makes a new cluster in an empty directory. */
export async function initdb(
  tools: PostgresTools,
  dataDirectory: string,
  options: { superuser: string; args?: readonly string[]; signal?: AbortSignal },
): Promise<void> {
  await runTool({
    file: toolPath(tools, 'initdb'),
    args: [
      '-D',
      dataDirectory,
      '-U',
      options.superuser,
      '--auth=trust',
      '--encoding=UTF8',
      '--locale=C',
      '--no-instructions',
      ...(options.args ?? []),
    ],
    env: serverEnvironment(tools),
    writesTo: dataDirectory,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}

/**
 * Starts a server in the background (its own session: it outlives us) without waiting for it to take connections.
 *
 * @param settings given on the command line, so that they win over every file.
 * @param logFile gets the server's output until its own logging takes over.
 */
export async function launchInstance(
  tools: PostgresTools,
  options: { dataDirectory: string; logFile: string; settings?: Readonly<Record<string, string>> },
): Promise<void> {
  const settings = Object.entries(options.settings ?? {})
    .map(([name, value]) => `-c ${shellQuoted(`${name}=${value}`)}`)
    .join(' ');
  await runTool({
    file: toolPath(tools, 'pg_ctl'),
    unregistered: true,
    args: [
      'start',
      '-W',
      '-s',
      '-D',
      options.dataDirectory,
      '-l',
      options.logFile,
      ...(settings === '' ? [] : ['-o', settings]),
    ],
    env: serverEnvironment(tools),
    writesTo: options.dataDirectory,
  });
}

/**
 * Waits until a launched server takes connections, as its `postmaster.pid` says.
 *
 * @throws SandboxError with the server's last words when it dies or takes too long.
 */
export async function waitUntilReady(
  dataDirectory: string,
  options: { logFile: string; timeoutMs: number; signal?: AbortSignal },
): Promise<void> {
  const deadline = performance.now() + options.timeoutMs;
  let seen = false;
  while (performance.now() < deadline) {
    options.signal?.throwIfAborted();
    const status = await instanceStatus(dataDirectory);
    if (status?.ready === true) return;
    if (status !== undefined) seen = true;
    else if (seen) throw await diedError(dataDirectory, options.logFile);
    await sleep(50);
    // A server that dies at once may never be seen: give it two seconds to write its pid file.
    if (!seen && performance.now() > deadline - options.timeoutMs + 2_000)
      throw await diedError(dataDirectory, options.logFile);
  }
  throw new SandboxError({
    what: `The PostgreSQL server in ${dataDirectory} does not take connections after ${options.timeoutMs / 1_000} s: ${await logTail(options.logFile)}`,
    means: 'It may still be recovering, or it hangs.',
    todo: `Look at its log ${options.logFile}.`,
  });
}

async function diedError(dataDirectory: string, logFile: string): Promise<Error> {
  if (await endedByFullDisk(logFile)) return diskFull(dataDirectory);
  const failing = await endedByBadDisk(dataDirectory, await lastLines(logFile));
  if (failing !== undefined) return failing;
  return new SandboxError({
    what: `The PostgreSQL server in ${dataDirectory} did not start: ${await logTail(logFile)}`,
    means: 'The reason stands in the lines above, the last of its log.',
    todo: `Look at its whole log ${logFile}.`,
  });
}

/** No server replays anything with less than one WAL segment's room. */
const leastRoomBytes = 16 * 1024 * 1024;

/**
 * Whether a server ended because its disk is full: that is nobody's fault but the disk's. Its last words (or those of its restore_command)
 * may say so; where they lie on the same disk, they could not be written either.
 */
export async function endedByFullDisk(logFile: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(dirname(logFile));
  if (bavail * bsize < leastRoomBytes) return true;
  return /no space left on device|disk quota exceeded/i.test(await lastLines(logFile));
}

/**
 * Whether a server ended because its disk failed: that says nothing about the backup. Its log says so; where that lies on the same disk and
 * could not be written either, the disk itself is asked.
 *
 * @param log what the server has said.
 */
export async function endedByBadDisk(dataDirectory: string, log: string): Promise<StorageError | undefined> {
  const said = ioErrorIn(log, dataDirectory);
  if (said !== undefined) return said;
  const probe = join(dataDirectory, 'pgdrill.probe');
  try {
    await writeFileDurably(probe, '');
    await rm(probe, { force: true });
    return undefined;
  } catch (error) {
    return error instanceof StorageError ? error : undefined;
  }
}

async function lastLines(logFile: string): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  return text.trim().split('\n').slice(-30).join('\n');
}

/** The last lines of a server's log that say something went wrong, or simply the last lines. */
export async function logTail(logFile: string, lines = 8): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  const all = text.trim().split('\n');
  const bad = all.filter((line) => /(FATAL|PANIC|ERROR|HINT|DETAIL):/.test(line));
  return (bad.length > 0 ? bad : all).slice(-lines).join('\n') || '(its log is empty)';
}

export interface InstanceStatus {
  pid: number;
  startTime: string;
  /** True when it takes connections (also read-only ones, in recovery). */
  ready: boolean;
}

/**
 * Whether a server runs in a data directory, from its `postmaster.pid` (PostgreSQL source, miscadmin.h: line 1 pid, line 8 status).
 * A stale file of a dead server counts as not running.
 */
export async function instanceStatus(dataDirectory: string): Promise<InstanceStatus | undefined> {
  let text: string;
  try {
    text = await readTextFile(join(dataDirectory, 'postmaster.pid'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
  const lines = text.split('\n');
  const pid = Math.abs(Number(lines[0]));
  const startTime = Number.isInteger(pid) && pid > 0 ? startTimeOf(pid) : undefined;
  if (startTime === undefined) return undefined;
  return { pid, startTime, ready: /^(ready|standby)/.test(lines[7] ?? '') };
}

/**
 * Stops a server if one runs there, also one that stands still (SIGSTOP). `fast` is clean; `immediate` is a crash, for servers whose data
 * is thrown away.
 */
export async function stopInstance(
  tools: PostgresTools,
  dataDirectory: string,
  mode: 'fast' | 'immediate',
): Promise<void> {
  const status = await instanceStatus(dataDirectory);
  if (status === undefined) return;
  continueServer(status.pid);
  await runTool({
    file: toolPath(tools, 'pg_ctl'),
    unregistered: true,
    args: ['stop', '-s', '-w', '-t', '120', '-m', mode, '-D', dataDirectory],
    env: serverEnvironment(tools),
    answers: [0, 1],
  });
  if ((await instanceStatus(dataDirectory)) !== undefined) {
    throw new SandboxError({
      what: `The PostgreSQL server in ${dataDirectory} does not stop.`,
      means: 'Its files are still in use.',
      todo: `Stop it by hand: pg_ctl stop -m immediate -D ${shellWord(dataDirectory)}`,
    });
  }
}
