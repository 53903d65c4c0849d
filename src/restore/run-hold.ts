import { BusyError, DiskFullError, messageOf, StorageError } from '../errors.js';
import type { Owner } from '../registry/entry.js';
import { putHold, releaseHold } from '../repository/holds.js';
import type { Repository } from '../repository/repository.js';
import type { Hold } from '../schema/hold.js';
import type { RestorePlan } from './plan.js';

/** Longer than planning may take. */
const planningMs = 24 * 3_600_000;

/** Longer than any restore with its gates. It ends the hold of a run that nobody released, even where no janitor comes by. */
const runMs = 30 * 24 * 3_600_000;

/** Names a run's hold, as the run's sandbox is named (workflows/run-id.ts): whoever removes the one finds the other. */
export function runHoldId({ workflowId, runId }: Pick<Owner, 'workflowId' | 'runId'>): string {
  return `${workflowId.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 80)}-${runId.slice(0, 8)}`;
}

/**
 * Plans a restore while nothing may be removed from the repository, and then holds the chain and the WAL that the plan names until the run
 * releases them. The hold is written under the lock that retention deletes under, and before anything is looked at: there is no moment at
 * which the plan's backups could go.
 *
 * A restore matters more than its hold: where it cannot be written, such as on a read-only disk, the plan says so.
 */
export async function planUnderHold<Planned extends RestorePlan>(
  repository: Repository,
  owner: Owner,
  signal: AbortSignal,
  plan: () => Promise<Planned>,
): Promise<Planned> {
  const id = runHoldId(owner);
  const warnings: string[] = [];
  const hold = async (reason: string, lastsMs: number, what: Partial<Hold>): Promise<void> => {
    const now = Date.now();
    const { namespace, workflowId, runId } = owner;
    const since = new Date(now).toISOString();
    const until = new Date(now + lastsMs).toISOString();
    const by = { kind: 'run', namespace, workflowId, runId } as const;
    const base = {
      formatVersion: 1 as const,
      id,
      cluster: repository.cluster,
      by,
      reason,
      everything: false,
      backups: [],
    };
    try {
      await putHold(repository, { ...base, since, until, ...what }, signal);
    } catch (error) {
      if (!(error instanceof BusyError || error instanceof StorageError || error instanceof DiskFullError)) throw error;
      warnings.push(
        `The repository could not be told what this restore needs (${messageOf(error).split('\n')[0]}): let no retention run until it is over.`,
      );
    }
  };
  await hold('a restore is being planned', planningMs, { everything: true });
  const planned = await plan();
  await hold(`restore to ${planned.target.requested}`, runMs, {
    backups: planned.chain.map((backup) => backup.id),
    wal: { from: planned.wal.from, timeline: planned.target.timeline },
  });
  return { ...planned, warnings: [...planned.warnings, ...new Set(warnings)] };
}

/**
 * Takes a run's hold away, once its restore needs the repository no more. That it cannot be done ends nothing: the janitor does it, and else
 * it expires.
 */
export async function releaseRunHold(
  open: () => Promise<Repository>,
  owner: Pick<Owner, 'workflowId' | 'runId'>,
): Promise<void> {
  try {
    await releaseHold(await open(), runHoldId(owner));
  } catch {
    // see above
  }
}
