import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { exists } from '../files/durable.js';
import { endGroup } from '../process/kill-group.js';
import { removeDeadLock } from '../process/lock-file.js';
import { isRunning, startTimeOf } from '../process/process-identity.js';
import { entryVariable } from '../process/run-tool.js';
import { reapTool } from '../process/tool-lock.js';
import { type Entry, isRecovery } from '../registry/entry.js';
import { keys } from '../repository/repository.js';
import { lockPathOf } from '../repository/storage.js';
import { readClaim } from '../restore/claim.js';
import { openedMark, readSandboxRecord, removeSandbox } from '../restore/sandbox.js';
import type { PostgresTools } from '../toolchain/postgres.js';

/** Why something that nobody owns any more is not removed all the same, and what a person should do about it. */
export interface Refusal {
  why: string;
  todo: string;
}

/**
 * Whether there is something about it that only a person may decide.
 *
 * @returns undefined where it may be removed.
 */
export async function refusalOf(entry: Entry): Promise<Refusal | undefined> {
  if (entry.kind === 'sandbox') return await refusalOfSandbox(entry);
  if (entry.kind === 'staged' && (await exists(entry.path))) {
    const repository = dirname(dirname(entry.path));
    if (/\.partial-\d+$/.test(basename(entry.path)) && (await exists(join(repository, keys.identity))))
      return undefined;
    return noMark(entry.path);
  }
  return undefined;
}

async function refusalOfSandbox({ owner, sandbox }: Extract<Entry, { kind: 'sandbox' }>): Promise<Refusal | undefined> {
  const { directory, dataDirectory } = sandbox;
  if (!(await exists(directory)) || (await readdir(directory)).length === 0) return undefined;
  const mark =
    (await readClaim(sandbox))?.operation ?? (await readSandboxRecord(directory).catch(() => undefined))?.operation;
  if (mark?.startsWith(`${owner.workflowId}/${owner.runId}/`) !== true) return noMark(directory);
  if (!isRecovery(sandbox) || !(await exists(openedMark(sandbox)))) return undefined;
  return {
    why: 'it is a recovery that was opened: its data is never thrown away',
    todo: `Its server may run (pg_ctl status -D ${dataDirectory}). Take it over or remove ${dataDirectory}, then remove ${directory}.`,
  };
}

function noMark(path: string): Refusal {
  return {
    why: 'it does not bear the mark of its owner',
    todo: `Find out what it is, and remove ${path} by hand if nobody needs it.`,
  };
}

/**
 * Removes what is left over. Gone already is fine.
 *
 * @returns why not, where it turned out to be in use.
 * @throws what went wrong.
 */
export async function removeLeftover(
  entry: Entry,
  tools: () => Promise<PostgresTools>,
  id: string,
): Promise<string | undefined> {
  switch (entry.kind) {
    case 'step':
      return undefined;
    case 'tool':
      await endTool(entry, id);
      return undefined;
    case 'staged':
      await reapTool(lockPathOf(entry.path));
      await rm(entry.path, { recursive: true, force: true });
      return undefined;
    case 'lock':
      return (await removeDeadLock(entry.path, entry.id)) ? undefined : 'the process that holds it lives';
    case 'sandbox':
      await removeSandboxOf(entry, tools);
      return undefined;
  }
}

async function removeSandboxOf(
  { sandbox }: Extract<Entry, { kind: 'sandbox' }>,
  tools: () => Promise<PostgresTools>,
): Promise<void> {
  if (await exists(sandbox.directory)) await rmdir(sandbox.directory).catch(() => undefined); // claimed by nobody yet: empty
  if (!(await exists(sandbox.directory)) && isRecovery(sandbox)) {
    // Without the claim nothing says that the data directory is ours.
    await rm(sandbox.socketDirectory, { recursive: true, force: true });
    return;
  }
  await removeSandbox(await tools(), sandbox);
}

async function endTool({ process: known }: Extract<Entry, { kind: 'tool' }>, id: string): Promise<void> {
  if (known === undefined) {
    for (const pid of await pidsOfEntry(id)) await endGroup(pid);
    return;
  }
  if (isRunning(known)) await endGroup(known.pid);
  if (isRunning(known)) throw new Error(`process ${known.pid} does not end, not even by SIGKILL`);
}

/** Group leaders that were started for an entry whose worker died before it could name them (Linux only). */
async function pidsOfEntry(id: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(name)) continue;
    const environment = await readFile(`/proc/${name}/environ`, 'utf8').catch(() => '');
    if (environment.split('\0').includes(`${entryVariable}=${id}`) && startTimeOf(Number(name)) !== undefined)
      found.push(Number(name));
  }
  // Children inherit the variable, and their group: only leaders can be ended as a group.
  return await filterLeaders(found);
}

async function filterLeaders(pids: readonly number[]): Promise<number[]> {
  const leaders = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      const group = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
      return group === pid ? [pid] : [];
    }),
  );
  return leaders.flat();
}
