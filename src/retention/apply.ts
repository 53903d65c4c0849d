import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { fsyncPath, treeSizeBytes } from '../files/durable.js';
import type { HeldLock } from '../process/lock-file.js';
import type { StepContext } from '../process/step-context.js';
import { withHoldsLock } from '../repository/holds.js';
import { keys } from '../repository/repository.js';
import { withWriterLock } from '../repository/writer-lock.js';
import type { BackupFate, RetentionResult } from '../schema/retention.js';
import { childrenFirst } from './children-first.js';
import { gatherFacts, type RetentionFacts, type RetentionRequest } from './facts.js';
import { withoutWhatIsThere } from './not-deleted.js';
import { planRetention, type RetentionPlan } from './plan.js';
import { addStretch, type RetentionState, segmentsOf, wasExpired, writeState } from './state.js';
import { stretchesOf, tally } from './summary.js';
import { emptyTrash, toTrash } from './trash.js';

/**
 * Marks what may go: it is deleted by a later run, once its grace is over. What is kept again loses its mark. Run again, it changes nothing.
 *
 * @throws RetentionRefusedError; BusyError while somebody else writes into the repository.
 */
export async function markExpired(request: RetentionRequest, context: StepContext): Promise<RetentionPlan> {
  return await exclusively(request, context, async () => {
    const facts = await gatherFacts(request);
    const plan = planRetention(facts, request.acceptClock);
    await writeState(request.repository, {
      ...withoutWhatIsThere(facts.state, facts.wal.files, facts.wal.archive.segmentSizeBytes),
      lastRunAt: facts.now.toISOString(),
      marks: plan.backups.flatMap(({ id, markedAt, reasons }) =>
        markedAt === undefined ? [] : [{ backup: id, markedAt, why: reasons[0] ?? '' }],
      ),
      walMarks: walMarksOf(plan),
    });
    return plan;
  });
}

/**
 * Deletes what was marked longer ago than the grace and is still not needed: looked at anew, with the holds of this moment. A backup
 * vanishes whole, by a rename, before its files go, and children vanish before what they build on; so a crash leaves nothing half, and a
 * retry of the same operation goes on and answers for both.
 *
 * @throws RetentionRefusedError; BusyError while somebody else writes into the repository.
 */
export async function deleteExpired(request: RetentionRequest, context: StepContext): Promise<RetentionResult> {
  const { repository } = request;
  return await withWriterLock(
    repository.path,
    context.operation,
    async (lock) => {
      const { plan, run } = await withHoldsLock(repository, context.operation, context.signal, async () => {
        const facts = await gatherFacts(request);
        const decided = planRetention(facts, request.acceptClock);
        return { plan: decided, run: await takeOut(request, { facts, plan: decided }, context, lock) };
      });
      await emptyTrash(repository, context); // takes its time, and nothing depends on it any more
      return resultOf(request, plan, run);
    },
    context.attempt,
  );
}

type Run = NonNullable<RetentionState['run']>;

/** What makes the deleted invisible, under the lock that holds are written with. */
async function takeOut(
  request: RetentionRequest,
  { facts, plan }: { facts: RetentionFacts; plan: RetentionPlan },
  context: StepContext,
  lock: HeldLock,
): Promise<Run> {
  const { repository, walDirectory } = request;
  const due = childrenFirst(
    plan.backups.filter(({ fate }) => fate === 'delete'),
    facts.backups,
  );
  const files = plan.wal.filter(({ fate }) => fate === 'delete').map(({ file }) => file);
  const before = withoutWhatIsThere(facts.state, facts.wal.files, facts.wal.archive.segmentSizeBytes);
  const run = continued(before, facts.backups, context.operation);
  // The label of a backup whose segment an earlier attempt has deleted is counted already.
  const known = facts.state.run?.operation === context.operation ? before : undefined;
  const added = tally(files.filter(({ name }) => known === undefined || !wasExpired(known, name)));
  run.wal = { files: run.wal.files + added.files, bytes: run.wal.bytes + added.bytes };
  for (const { id } of due) {
    context.signal.throwIfAborted();
    context.progress({ doing: `measuring ${id}` });
    run.deleted.push({ id, bytes: await treeSizeBytes(repository.storage.pathOf(keys.backup(id))) });
  }
  if (due.length === 0 && files.length === 0 && before === facts.state) return run;
  const goingIds = new Set(due.map(({ id }) => id));
  // Written before anything goes: whoever finds a hole in the WAL can tell that it is no damage, and a retry knows what has gone. The marks
  // stay until then: a retry deletes only what is marked.
  const segments = plan.wal.filter(({ file }) => file.segment !== undefined);
  const state: RetentionState = {
    ...before,
    expiredWal: stretchesOf(segments, 'delete')
      .map(({ from, to }) => segmentsOf(from, to))
      .reduce(addStretch, before.expiredWal),
    run,
  };
  await writeState(repository, state);
  for (const { id } of due) {
    context.signal.throwIfAborted();
    await lock.assertHeld();
    context.progress({ doing: `deleting ${id}` });
    await toTrash(repository, id);
  }
  for (const [index, { name }] of files.entries()) {
    if (index % 100 === 0) {
      context.signal.throwIfAborted();
      await lock.assertHeld();
      context.progress({ doing: `deleting WAL, ${index} of ${files.length} files` });
    }
    await rm(join(walDirectory, name), { force: true });
  }
  if (files.length > 0) await fsyncPath(walDirectory);
  await writeState(repository, { ...state, marks: state.marks.filter(({ backup }) => !goingIds.has(backup)) });
  return run;
}

/** What an earlier attempt of this operation has deleted. What it only meant to is still listed. */
function continued({ run }: RetentionState, backups: RetentionFacts['backups'], operation: string): Run {
  if (run?.operation !== operation) return { operation, deleted: [], wal: { files: 0, bytes: 0 } };
  const listed = new Set(backups.map(({ id }) => id));
  return { ...run, deleted: run.deleted.filter(({ id }) => !listed.has(id)) };
}

async function exclusively<T>(
  { repository }: RetentionRequest,
  { operation, attempt, signal }: StepContext,
  work: () => Promise<T>,
): Promise<T> {
  return await withWriterLock(
    repository.path,
    operation,
    () => withHoldsLock(repository, operation, signal, work),
    attempt,
  );
}

function walMarksOf(plan: RetentionPlan): RetentionState['walMarks'] {
  return stretchesOf(plan.wal).flatMap(({ from, to, markedAt }) =>
    markedAt === undefined ? [] : [{ from, to, markedAt }],
  );
}

function resultOf({ repository }: RetentionRequest, plan: RetentionPlan, run: Run): RetentionResult {
  const waiting = plan.backups.filter(({ fate }) => fate === 'mark' || fate === 'marked');
  return {
    cluster: repository.cluster,
    windowStart: plan.windowStart.toISOString(),
    marked: waiting.map(({ id, sizeBytes, due }: BackupFate) => ({ id, sizeBytes, due: due ?? '' })),
    deleted: run.deleted,
    walMarked: tally(plan.wal.filter(({ fate }) => fate === 'mark' || fate === 'marked').map(({ file }) => file)),
    walDeleted: run.wal,
    freedBytes: run.deleted.reduce((sum, { bytes }) => sum + bytes, run.wal.bytes),
    kept: plan.backups.filter(({ fate }) => fate === 'keep').length,
    warnings: plan.warnings,
  };
}
