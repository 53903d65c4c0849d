import { readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { DiskFullError, RepositoryError, SandboxError, TargetError, UnreachableError } from '../errors.js';
import { ioErrorIn } from '../files/io-error.js';
import { withConnection } from '../postgres/connection.js';
import {
  endedByBadDisk,
  endedByFullDisk,
  instanceStatus,
  launchInstance,
  logTail,
  stopInstance,
} from '../postgres/instance.js';
import { lsnDistanceBytes } from '../postgres/lsn.js';
import type { StepContext } from '../process/step-context.js';
import { watchWork } from '../process/work-watch.js';
import type { Replay, ResolvedTarget, Sandbox, WorkSamples } from '../schema/results.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { StartupProcess } from './startup-process.js';
import { raiseSettings } from './raise-settings.js';
import { ReplaySamples } from './replay-samples.js';
import { logSince, logSize, startOfReplay } from './replay-log.js';
import { readSandboxRecord, sandboxConfig, sandboxConninfo, sandboxLog } from './sandbox.js';

interface ReplayState {
  inRecovery: boolean;
  paused: boolean;
  replayedLsn: string | null;
  lastCommitAt: string | null;
}

/**
 * Starts the sandbox's server and waits until it has replayed to the target and paused there. A server that an earlier attempt started
 * and that still runs is attached to.
 *
 * @throws TargetError or RepositoryError when recovery ends before the target, UnreachableError when it stopped because the archive could not
 *   be reached, SandboxError when the server dies for another reason.
 */
export async function replayWal(
  tools: PostgresTools,
  request: { sandbox: Sandbox; target: ResolvedTarget; wal: { from: string; to: string; bytes: number } },
  context: StepContext,
): Promise<Omit<Replay, 'phases'> & { seen?: WorkSamples }> {
  const startup = new StartupProcess();
  const { result: replay, samples: seen } = await watchWork(
    () => startup.doing(),
    () => waitForTarget(tools, request, startup, context),
  );
  return { ...replay, ...(seen === undefined ? {} : { seen }) };
}

async function waitForTarget(
  tools: PostgresTools,
  request: { sandbox: Sandbox; target: ResolvedTarget; wal: { from: string; to: string; bytes: number } },
  startup: StartupProcess,
  context: StepContext,
): Promise<Omit<Replay, 'phases'>> {
  const { sandbox, wal } = request;
  const logBytes = await startOfReplay(sandbox, context.operation);
  const startedAtBytes = await logSize(sandbox);
  const samples = new ReplaySamples();
  let launches = 0;
  for (;;) {
    context.signal.throwIfAborted();
    const status = await instanceStatus(sandbox.dataDirectory);
    startup.of(status?.pid);
    if (status === undefined) {
      if (await raiseSettings(sandbox)) launches = 0;
      await explainStop(request, await logSince(sandbox, logBytes));
      // What an earlier attempt met may have passed.
      refuseUnreachable(await logSince(sandbox, startedAtBytes));
      // A server that was killed from outside is started again; one that dies again on its own is not.
      if (launches === 2) throw await diedError(sandbox);
      launches += 1;
      await startSandbox(tools, sandbox);
      continue;
    }
    if (status.ready) {
      const state = await readState(sandbox, context.signal);
      if (state !== undefined) {
        const reached = state.replayedLsn ?? wal.from;
        samples.add(performance.now(), reached);
        context.progress({
          doing: 'replaying WAL',
          lsn: reached,
          doneBytes: lsnDistanceBytes(wal.from, reached),
          totalBytes: wal.bytes,
        });
        if (state.paused && (await raiseSettings(sandbox))) {
          await stopInstance(tools, sandbox.dataDirectory, 'fast');
          launches = 0;
          continue;
        }
        if (state.paused || !state.inRecovery) {
          return {
            paused: state.paused,
            reachedLsn: reached,
            ...(state.lastCommitAt === null ? {} : { lastCommitAt: state.lastCommitAt }),
            replayedBytes: lsnDistanceBytes(wal.from, reached),
            samples: samples.list(),
          };
        }
      }
    } else {
      context.progress({ doing: 'replaying WAL up to consistency', totalBytes: wal.bytes });
    }
    await sleep(100);
  }
}

/** How long the children of a killed server may take to notice; the startup process looks once a second while it waits. */
const mostSecondsInUse = 30;

/**
 * Starts a sandbox's server with the sandbox's own configuration; it outlives this process on purpose. Where one was killed there a
 * moment ago, its children keep a new one from starting until they are gone: that is waited for.
 */
export async function startSandbox(tools: PostgresTools, sandbox: Sandbox): Promise<void> {
  await refuseGone(sandbox);
  const logFile = sandboxLog(sandbox);
  for (let waited = 0; ; waited += 1) {
    const { size } = await stat(logFile).catch(() => ({ size: 0 }));
    await launchInstance(tools, {
      dataDirectory: sandbox.dataDirectory,
      logFile,
      settings: { config_file: `${sandboxConfig(sandbox)}/postgresql.conf` },
    });
    await sleep(200);
    if (waited === mostSecondsInUse || (await instanceStatus(sandbox.dataDirectory)) !== undefined) return;
    const said = (await readFile(logFile)).subarray(size).toString();
    const unreaped = /lock file ".*" already exists/.test(said);
    if (!unreaped && !said.includes('pre-existing shared memory block')) return;
    if (unreaped) await removeDeadLocks(sandbox);
    await sleep(1_000);
  }
}

/** An attempt that was only slow must not start a server that was cleaned up, or handed over to somebody, meanwhile. */
async function refuseGone(sandbox: Sandbox): Promise<void> {
  if ((await readSandboxRecord(sandbox.directory)) !== undefined) return;
  throw new SandboxError({
    what: `There is no prepared sandbox in ${sandbox.directory}.`,
    means: 'It was cleaned up or handed over meanwhile; there is nothing to start.',
    todo: 'Start a new drill or recovery.',
  });
}

/**
 * Where nobody reaps the dead (a container without an init), a killed server stays a zombie, which PostgreSQL takes for alive. Its lock
 * files go once no process works in the data directory any more.
 */
async function removeDeadLocks({ dataDirectory, socketDirectory, port }: Sandbox): Promise<void> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const places = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')));
  if (places.includes(dataDirectory) || (await instanceStatus(dataDirectory)) !== undefined) return;
  await rm(join(dataDirectory, 'postmaster.pid'), { force: true });
  await rm(join(socketDirectory, `.s.PGSQL.${port}.lock`), { force: true });
}

/** undefined while the server does not answer (it may just be going down). */
async function readState(sandbox: Sandbox, signal: AbortSignal): Promise<ReplayState | undefined> {
  try {
    return await withConnection(
      sandboxConninfo(sandbox),
      async (client) => {
        const { rows } = await client.query<ReplayState>(
          `select pg_is_in_recovery() as "inRecovery",
                  case when pg_is_in_recovery() then pg_get_wal_replay_pause_state() = 'paused' else false end as paused,
                  pg_last_wal_replay_lsn()::text as "replayedLsn",
                  to_char(pg_last_xact_replay_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "lastCommitAt"`,
        );
        return rows[0];
      },
      { signal },
    );
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

/** Why a stopped server's recovery cannot succeed however often it is started; returns where there is no such reason. */
async function explainStop(
  { sandbox, target, wal }: { sandbox: Sandbox; target: ResolvedTarget; wal: { to: string } },
  log: string,
): Promise<void> {
  if (/(PANIC|FATAL):.*No space left on device/.test(log)) throw await noRoom(sandbox);
  // Before anything that looks like damage: what a disk does not give back looks like it, too.
  const failing = ioErrorIn(log, sandbox.dataDirectory);
  if (failing !== undefined) throw failing;
  if (log.includes('recovery ended before configured recovery target was reached')) {
    const last = [...log.matchAll(/redo done at ([0-9A-F/]+)/g)].at(-1)?.[1] ?? 'an unknown place';
    if (target.settings['recovery_target_time'] !== undefined || target.settings['recovery_target_xid'] !== undefined) {
      throw new TargetError({
        what: `Recovery ended at ${last} without meeting the target ${target.requested}.`,
        means: 'No transaction that decides the target was replayed.',
        todo: 'Use target latest, or an earlier one.',
      });
    }
    throw new RepositoryError({
      what: `Recovery ended at ${last}, before the target ${target.requested} at ${target.lsn ?? wal.to}: ${await logTail(sandboxLog(sandbox))}`,
      means: 'WAL is missing or damaged between there and the target: what was committed behind it cannot be restored.',
      todo: 'Bring the missing segment back if another copy exists; take a new full backup now.',
    });
  }
  if (
    /could not locate a valid checkpoint record|incorrect resource manager data checksum|invalid page|restored log file .* has wrong size|archive file .* has wrong size/.test(
      log,
    ) &&
    log.includes('FATAL')
  ) {
    throw new RepositoryError({
      what: `The restored server cannot recover: ${await logTail(sandboxLog(sandbox))}`,
      means: 'The backup or the WAL is damaged.',
      todo: 'Restore from another chain; take a new full backup now.',
    });
  }
}

/** A restore_command that ends with more than 125, or by a signal, stops recovery where it is (PostgreSQL source, xlogarchive.c). */
function refuseUnreachable(log: string): void {
  const [, file, ending] = /FATAL:\s+could not restore file "([^"]+)" from archive: ([^\n]*)/.exec(log) ?? [];
  if (file === undefined) return;
  throw new UnreachableError(
    {
      what: `Replay stopped because the WAL archive could not be reached: restore_command for ${file}: ${ending ?? ''}.`,
      means: 'Whether the file is there, nobody knows. What was replayed so far stays: replay goes on from there.',
      todo: 'Nothing, if the archive comes back: the step is tried again. Else look why it cannot be reached.',
    },
    { answered: true },
  );
}

async function noRoom(sandbox: Sandbox): Promise<DiskFullError> {
  return new DiskFullError({
    what: `There is no room left on the disk of the restored server: ${await logTail(sandboxLog(sandbox))}`,
    means: 'Replay stopped there. What was restored so far is whole: it goes on from there once there is room.',
    todo: `Make room on the disk that holds ${sandbox.dataDirectory}.`,
  });
}

async function diedError(sandbox: Sandbox): Promise<Error> {
  if (await endedByFullDisk(sandboxLog(sandbox))) return await noRoom(sandbox);
  const failing = await endedByBadDisk(sandbox.dataDirectory, '');
  if (failing !== undefined) return failing;
  return new SandboxError({
    what: `The restored server stopped during recovery: ${await logTail(sandboxLog(sandbox))}`,
    means: 'It was started twice and stopped both times, so trying again will not help.',
    todo: `Read the lines above (its whole log is ${sandboxLog(sandbox)} until the drill is cleaned up).`,
  });
}
