import { hostname } from 'node:os';
import { join } from 'node:path';

import { makePrivateDirectory } from '../files/durable.js';
import { messageOf } from '../errors.js';
import { withLockFile } from '../process/lock-file.js';
import { isRunning } from '../process/process-identity.js';
import { describeThing, type Entry, type Owner } from '../registry/entry.js';
import { type Listed, Registry } from '../registry/registry.js';
import type { Leftover, SweepReport } from '../schema/leftovers.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { adoptSandboxes } from './adopt.js';
import { decide, defaultGraceMs, type OwnerState, ownerKey } from './decide.js';
import { findHolds, type FoundHold, removeHold } from './holds.js';
import { refusalOf, removeLeftover } from './remove.js';

export interface SweepRequest {
  stateDirectory: string;
  /** Where the configured clusters' drills restore to: unregistered sandboxes are looked for there. */
  sandboxDirectories: readonly string[];
  /** The configured clusters' repositories: what runs that are over still hold there is released. */
  repositories?: readonly { name: string; repository: string }[];
  /** The Temporal namespace that `ownerState` asks. */
  namespace: string;
  /** Asks Temporal for a run. Where it cannot be reached it must throw: then nothing is removed. */
  ownerState: (owner: Owner) => Promise<OwnerState>;
  tools: () => Promise<PostgresTools>;
  dryRun?: boolean;
  graceMs?: number;
  goneHosts?: readonly string[];
  progress?: (doing: string) => void;
}

/**
 * Finds what runs that are over left on this host, and removes it. What a run that goes on could still need, what is in use, and what only
 * a person may decide about is kept and said.
 *
 * @throws what `ownerState` throws, before anything was removed; BusyError when another sweep is at it.
 */
export async function sweep(request: SweepRequest): Promise<SweepReport> {
  const registry = new Registry(request.stateDirectory);
  await makePrivateDirectory(registry.directory);
  return await withLockFile(
    join(request.stateDirectory, 'janitor.lock'),
    { operation: 'another janitor', guards: 'The registry', unregistered: true },
    () => sweepAlone(registry, request),
  );
}

async function sweepAlone(registry: Registry, request: SweepRequest): Promise<SweepReport> {
  const { entries, unreadable } = await registry.list();
  const living = new Set<string>();
  const things: Listed[] = [];
  for (const listed of entries) {
    if (!hasEnded(listed.entry)) {
      if (listed.entry.kind === 'step') living.add(ownerKey(listed.entry.owner));
      else things.push(listed);
    } else if (request.dryRun !== true) await registry.drop(listed.id); // only the record is left
  }
  things.push(...(await adoptSandboxes(request.sandboxDirectories, things, request.namespace)));
  const holds = await findHolds(request.repositories ?? [], new Date());
  const owners = [...things.map(({ entry }) => entry.owner), ...holds.flatMap(({ run }) => run?.owner ?? [])];
  const states = await askAll(owners, request);
  const factsOf = (owner: Owner): Parameters<typeof decide>[1] => ({
    owner: states.get(ownerKey(owner)) ?? { state: 'running' },
    inUse: living.has(ownerKey(owner)),
    namespace: request.namespace,
    host: hostname(),
    goneHosts: request.goneHosts ?? [],
    now: new Date(),
    graceMs: request.graceMs ?? defaultGraceMs,
  });
  const report: SweepReport = { dryRun: request.dryRun === true, removed: [], kept: [], refused: [], failed: [] };
  for (const path of unreadable)
    report.refused.push({
      what: `registry entry ${path}`,
      why: 'it cannot be read',
      todo: 'Look at it, and remove it by hand.',
    });
  // Processes first: nothing is removed under a tool that still writes there.
  const order = ['tool', 'lock', 'staged', 'sandbox'];
  things.sort((a, b) => order.indexOf(a.entry.kind) - order.indexOf(b.entry.kind));
  for (const { id, entry } of things) {
    const { owner } = entry;
    const { cluster } = entry;
    const leftover = {
      what: describeThing(entry),
      ...(cluster === undefined ? {} : { cluster }),
      workflowId: owner.workflowId,
      runId: owner.runId,
    };
    const { remove, why } = decide(entry, factsOf(owner));
    if (remove) await removeOne({ id, entry }, { ...leftover, why }, { registry, request, report });
    else report.kept.push({ ...leftover, why });
  }
  for (const hold of holds) await sweepHold(hold, factsOf, { request, report });
  return report;
}

/** A hold of a run that is over, or one that has expired. */
async function sweepHold(
  hold: FoundHold,
  factsOf: (owner: Owner) => Parameters<typeof decide>[1],
  { request, report }: { request: SweepRequest; report: SweepReport },
): Promise<void> {
  const { what, cluster, run } = hold;
  const { remove, why } = run === undefined ? { remove: true, why: 'it has expired' } : decide(run, factsOf(run.owner));
  const { workflowId, runId } = run?.owner ?? {};
  const leftover = {
    ...{ what, cluster, why },
    ...(workflowId === undefined || runId === undefined ? {} : { workflowId, runId }),
  };
  if (!remove) {
    report.kept.push(leftover);
    return;
  }
  try {
    if (request.dryRun !== true) await removeHold(hold);
    report.removed.push(leftover);
  } catch (error) {
    report.failed.push({
      ...leftover,
      why: messageOf(error),
      todo: 'Mend what it says; until then retention keeps more.',
    });
  }
}

/** An attempt or a tool whose process is gone. A process of another host cannot be looked at. */
function hasEnded(entry: Entry): boolean {
  if (entry.host !== hostname() || (entry.kind !== 'step' && entry.kind !== 'tool')) return false;
  return entry.process !== undefined && !isRunning(entry.process);
}

/** Every owner is asked for before anything is removed: an answer that does not come must not stop half-way. */
async function askAll(owners: readonly Owner[], request: SweepRequest): Promise<Map<string, OwnerState>> {
  const states = new Map<string, OwnerState>();
  for (const owner of owners) {
    const key = ownerKey(owner);
    if (states.has(key) || owner.namespace !== request.namespace) continue;
    request.progress?.(`asking Temporal for ${owner.workflowId}`);
    states.set(key, await request.ownerState(owner));
  }
  return states;
}

async function removeOne(
  { id, entry }: Listed,
  leftover: Leftover,
  { registry, request, report }: { registry: Registry; request: SweepRequest; report: SweepReport },
): Promise<void> {
  try {
    const refusal = await refusalOf(entry);
    if (refusal !== undefined) {
      report.refused.push({ ...leftover, ...refusal });
      return;
    }
    if (request.dryRun !== true) {
      request.progress?.(`removing ${leftover.what}`);
      const inUse = await removeLeftover(entry, request.tools, id);
      if (inUse !== undefined) {
        report.kept.push({ ...leftover, why: inUse });
        return;
      }
      await registry.drop(id);
    }
    report.removed.push(leftover);
  } catch (error) {
    const todo = 'Mend what it says and run pgdrill janitor, or remove it by hand.';
    report.failed.push({ ...leftover, why: messageOf(error), todo });
  }
}
