import { createHash } from 'node:crypto';
import { open, readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

import { type Connection, withConnection } from '../../src/postgres/connection.js';
import { type StepContext, standaloneContext } from '../../src/process/step-context.js';
import { handOver } from '../../src/hand-over/hand-over.js';
import { moveTarget } from '../../src/restore/move-target.js';
import { openSandbox } from '../../src/restore/open.js';
import { planRestore, type RestorePlan } from '../../src/restore/plan.js';
import { prepareRestore } from '../../src/restore/prepare.js';
import { replayWal } from '../../src/restore/replay.js';
import type { Wal } from '../../src/repository/wal-mode.js';
import { removeSandbox, sandboxConninfo, sandboxLayout } from '../../src/restore/sandbox.js';
import type { HandOver, RestoredFacts, SettingsMode } from '../../src/schema/hand-over.js';
import type { Fence, Prepared, Replay, Sandbox } from '../../src/schema/results.js';
import { parseTarget } from '../../src/schema/target.js';
import type { ProtectedCluster } from '../support/protected-cluster.js';

export interface Restored {
  plan: RestorePlan;
  sandbox: Sandbox;
  replay: Omit<Replay, 'phases'>;
  timeline: number;
}

let sandboxes = 0;

export async function planTo(shop: ProtectedCluster, targetText: string, fence?: Fence): Promise<RestorePlan> {
  const target = parseTarget(targetText);
  if (typeof target === 'string') throw new Error(target);
  return await planRestore(shop.tools, {
    repository: shop.repository,
    walDirectory: shop.patient.walDirectory,
    target,
    fence,
    signal: new AbortController().signal,
  });
}

/** A new sandbox for a plan; `into` makes it a recovery. */
export function sandboxFor(shop: ProtectedCluster, plan: RestorePlan, into?: string): Sandbox {
  return {
    ...sandboxLayout(`drill-${++sandboxes}`, shop.patient.sandboxDirectory, into),
    superuser: plan.chain.at(-1)!.superuser,
  };
}

export async function prepare(
  shop: ProtectedCluster,
  plan: RestorePlan,
  sandbox: Sandbox,
  context: StepContext = standaloneContext(`prepare/${sandbox.id}`),
): Promise<Prepared> {
  return await prepareRestore(
    shop.tools,
    {
      ...plan,
      repository: shop.repository,
      walDirectory: shop.patient.walDirectory,
      sandbox,
      settings: { shared_buffers: '16MB' },
    },
    context,
  );
}

/** Gives a paused sandbox another target further on, as gate `promote` does. */
export async function moveOn(
  shop: ProtectedCluster,
  { sandbox, reachedLsn, from, to }: { sandbox: Sandbox; reachedLsn: string; from: RestorePlan; to: RestorePlan },
  wal?: { walDirectory: string; fetchedBy: Wal },
): Promise<void> {
  const last = to.chain.at(-1)!;
  await moveTarget(
    shop.tools,
    {
      ...{ sandbox, reachedLsn, from: from.target, to: to.target },
      unread: { wal: to.wal, last, ...(wal ?? { walDirectory: shop.patient.walDirectory }) },
    },
    new AbortController().signal,
  );
}

/** The whole restore: plan, prepare, replay, open. Removed again when it fails. */
export async function restoreTo(
  shop: ProtectedCluster,
  target: string,
  options: { into?: string; fence?: Fence } = {},
): Promise<Restored> {
  const plan = await planTo(shop, target, options.fence);
  const sandbox = sandboxFor(shop, plan, options.into);
  try {
    await prepare(shop, plan, sandbox);
    const context = standaloneContext(`restore/${sandbox.id}`);
    const replay = await replayWal(shop.tools, { ...plan, sandbox }, context);
    const { timeline } = await openSandbox(shop.tools, sandbox, context);
    return { plan, sandbox, replay, timeline };
  } catch (error) {
    await removeSandbox(shop.tools, sandbox);
    throw error;
  }
}

/** The hand-over of a recovery. */
export async function handOverTo(
  shop: ProtectedCluster,
  { sandbox, plan, replay, timeline }: Restored,
  more: { settings?: SettingsMode; seen?: RestoredFacts } = {},
): Promise<HandOver> {
  return await handOver(shop.tools, {
    ...{ sandbox, replay, timeline, target: plan.target, backup: plan.chain.at(-1) },
    ...{ cluster: shop.patient.name, walDirectory: shop.patient.walDirectory, settings: 'production' },
    ...more,
  });
}

export async function inSandbox<T>(
  sandbox: Sandbox,
  work: (client: Connection) => Promise<T>,
  database = 'postgres',
): Promise<T> {
  return await withConnection({ ...sandboxConninfo(sandbox), dbname: database }, work);
}

/** The one column of a query in the sandbox, as text. */
export async function column(sandbox: Sandbox, sql: string, database?: string): Promise<string[]> {
  return await inSandbox(
    sandbox,
    async (client) =>
      (await client.query<string[]>({ text: sql, rowMode: 'array' })).rows.map(([value]) => String(value)),
    database,
  );
}

/** Every file below a directory with its size and digest, to see that nothing was touched. */
export async function listing(directory: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    files[relative(directory, path)] = entry.isFile()
      ? createHash('sha256')
          .update(await readFile(path))
          .digest('hex')
      : 'directory';
  }
  return files;
}

/** Flips one bit of a byte in a file. @returns what puts it back. */
export async function flipByte(path: string, position: number): Promise<() => Promise<void>> {
  const flip = async (): Promise<void> => {
    const file = await open(path, 'r+');
    try {
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, position);
      buffer[0] = (buffer[0] ?? 0) ^ 0x01;
      await file.write(buffer, 0, 1, position);
    } finally {
      await file.close();
    }
  };
  await flip();
  return flip;
}
