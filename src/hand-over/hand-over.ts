import { rm } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';

import { exists } from '../files/durable.js';
import { stopInstance } from '../postgres/instance.js';
import { serverUser } from '../process/server-user.js';
import { forget } from '../registry/current.js';
import { idOf } from '../registry/registry.js';
import { removeOwnDirectory, sandboxTablespaces } from '../restore/sandbox.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { HandOver, RestoredFacts, SettingsMode } from '../schema/hand-over.js';
import type { Replay, ResolvedTarget, Sandbox } from '../schema/results.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { archivedOf } from './archived-timeline.js';
import { nextSteps } from './next-steps.js';
import { giveSettings, overridesFor, socketPlace } from './own-settings.js';
import { comparedSettings, settingsNow } from './settings-now.js';
import { asServerUser, psql, startCommand } from './shell-commands.js';

/** All that a sheet is made of and that the stopped server itself does not tell. */
export interface HandOverRequest {
  sandbox: Sandbox;
  settings: SettingsMode;
  cluster: string;
  walDirectory: string;
  target: ResolvedTarget;
  timeline: number;
  replay: Pick<Replay, 'reachedLsn' | 'lastCommitAt'>;
  /** The last of the chain that was restored; absent where the repository is gone. */
  backup?: BackupRecord | undefined;
  seen?: RestoredFacts | undefined;
  leftOut?: HandOver['leftOut'];
}

/**
 * Ends a recovery: stops the server cleanly and gives it the settings that it is to start with. Done already, it touches nothing: the
 * server that runs there now is somebody's.
 *
 * @returns the sheet for the person who takes over; the same when asked again.
 */
export async function handOver(tools: PostgresTools, request: HandOverRequest): Promise<HandOver> {
  const { sandbox, settings: mode, seen } = request;
  if (await exists(sandbox.directory)) await giveBack(tools, sandbox, mode, seen);
  return await writeSheet(tools, request);
}

/** The part that changes something; by itself for a step that an earlier pgdrill ordered, without telling what a sheet needs. */
export async function giveBack(
  tools: PostgresTools,
  sandbox: Sandbox,
  mode: SettingsMode,
  seen: RestoredFacts | undefined,
): Promise<void> {
  await stopInstance(tools, sandbox.dataDirectory, 'fast');
  await giveSettings(sandbox, mode, seen);
  if (mode === 'production' || socketPlace(sandbox) !== sandbox.socketDirectory)
    await rm(sandbox.socketDirectory, { recursive: true, force: true });
  await removeOwnDirectory(sandbox);
  await forget(idOf('sandbox', sandbox.directory));
}

async function writeSheet(tools: PostgresTools, request: HandOverRequest): Promise<HandOver> {
  const { sandbox, settings: mode, backup, replay, seen, leftOut } = request;
  const { dataDirectory } = sandbox;
  const missing: string[] = [];
  for (const name of ['postgresql.conf', 'pg_hba.conf'])
    if (!(await exists(join(dataDirectory, name)))) missing.push(name);
  const { values: now, problem } = await settingsNow(tools, dataDirectory);
  const found = await archivedOf(request.walDirectory, request.timeline);
  const osUser = serverUser()?.name ?? userInfo().username;
  const tablespaces = sandboxTablespaces(sandbox);
  const connection = {
    host: firstSocket(now.get('unix_socket_directories'), dataDirectory),
    port: now.get('port') ?? '5432',
    user: sandbox.superuser,
  };
  const sheet: Omit<HandOver, 'nextSteps'> = {
    dataDirectory,
    ...((await exists(tablespaces)) ? { tablespaces } : {}),
    osUser,
    serverVersion: tools.version,
    start: asServerUser(startCommand(tools, dataDirectory)),
    connect: psql(tools, connection),
    target: request.target.requested,
    timeline: request.timeline,
    reachedLsn: replay.reachedLsn,
    ...(replay.lastCommitAt === undefined ? {} : { lastCommitAt: replay.lastCommitAt }),
    ...(leftOut === undefined ? {} : { leftOut }),
    settings: {
      mode,
      overrides: mode === 'production' ? overridesFor(seen) : [],
      compared: comparedSettings.map((name) => {
        const [source, value] = [backup?.settings[name], now.get(name)];
        return { name, ...(source === undefined ? {} : { source }), ...(value === undefined ? {} : { now: value }) };
      }),
      problems: [
        // Debian's way: then no backup has them.
        ...missing.map(
          (name) =>
            `The source kept ${name} outside its data directory, so no backup has it: the server does not start before you copy it into ${dataDirectory}.`,
        ),
        ...(problem === undefined || missing.includes('postgresql.conf')
          ? []
          : [`The server will not start as it is: ${problem}`]),
        ...(await missingLibraries(now.get('shared_preload_libraries'), seen?.libraryDirectory)),
        ...(seen?.missingExtensions ?? []).map(
          ({ database, name }) =>
            `Extension ${name} of database ${database} is not installed on this host: its functions and types do not work before it is.`,
        ),
      ],
    },
    archiving: { directory: request.walDirectory, safe: found.length === 0, found },
    ...(backup?.replication === undefined
      ? {}
      : { replication: { ...backup.replication, recordedAt: backup.finishedAt } }),
    ...(seen === undefined ? {} : { seen }),
  };
  return { ...sheet, nextSteps: nextSteps(tools, { ...request, connection, sheet }) };
}

/** A library that is to be preloaded and is not there keeps the server from starting. */
async function missingLibraries(setting = '', directory = ''): Promise<string[]> {
  const missing: string[] = [];
  for (const name of setting.split(',').map((each) => each.trim().replaceAll('"', '')))
    // With a path it lies wherever that says, and may have a suffix of its own.
    if (/^\w+$/.test(name) && directory !== '' && !(await exists(join(directory, `${name}.so`))))
      missing.push(
        `The server does not start before library ${name} (shared_preload_libraries) is installed on this host, or no longer named.`,
      );
  return missing;
}

/** Relative names are below the data directory; without any, there is TCP. */
function firstSocket(setting: string | undefined, dataDirectory: string): string {
  const [first = ''] = (setting ?? '/tmp').split(',');
  const name = first.trim().replaceAll('"', '');
  if (name === '') return 'localhost';
  return name.startsWith('/') || name.startsWith('@') ? name : join(dataDirectory, name);
}
