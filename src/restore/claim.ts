import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { codeOf, SandboxError, SupersededError } from '../errors.js';
import { exists, readTextFile, writeFileDurably } from '../files/durable.js';
import { withLockFile } from '../process/lock-file.js';
import type { StepContext } from '../process/step-context.js';
import { reapTool } from '../process/tool-lock.js';
import type { Sandbox } from '../schema/results.js';
import { noteEarlierDirectory } from './earlier-directory.js';
import { claimOf, combineLock } from './sandbox.js';

const claimSchema = z.object({
  operation: z.string(),
  attempt: z.number().int(),
  /** Of one attempt only: whoever finds another one here has lost the directory. */
  token: z.string(),
  dataDirectory: z.string().optional(),
});
export type Claim = z.infer<typeof claimSchema>;

/** Who may fill a sandbox. A claim of an earlier pgdrill is the bare operation. */
export async function readClaim(sandbox: Pick<Sandbox, 'directory'>): Promise<Claim | undefined> {
  let text: string;
  try {
    text = await readTextFile(claimOf(sandbox));
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
  try {
    return claimSchema.parse(JSON.parse(text));
  } catch {
    return { operation: text, attempt: 0, token: '' };
  }
}

/**
 * Makes sure that the data directory is this attempt's to fill. What an earlier attempt of this same operation left in it is removed: the
 * claim, written only after the directory was seen empty, tells it apart from anybody's data.
 *
 * @returns the token to ask `asClaimant` with.
 * @throws SandboxError when something else is there, SupersededError when a later attempt has begun.
 */
export async function takeClaim(sandbox: Sandbox, context: StepContext): Promise<string> {
  const claim = { operation: context.operation, attempt: context.attempt, token: randomUUID() };
  const text = JSON.stringify({ ...claim, dataDirectory: sandbox.dataDirectory });
  await exclusively(sandbox, context, async () => {
    const held = await readClaim(sandbox);
    if (held?.operation !== claim.operation) {
      await refuseUsedDirectory(sandbox);
      await noteEarlierDirectory(sandbox);
      await writeFileDurably(claimOf(sandbox), text);
      return;
    }
    if (held.attempt > claim.attempt) throw superseded(sandbox, held);
    await writeFileDurably(claimOf(sandbox), text);
    await reapTool(combineLock(sandbox));
    await rm(sandbox.dataDirectory, { recursive: true, force: true });
  });
  return claim.token;
}

/**
 * Does what could harm a later attempt (removing, renaming) only as the one that holds the claim; nobody can take it meanwhile.
 *
 * @throws SupersededError when the claim is another attempt's, or gone.
 */
export async function asClaimant<T>(
  sandbox: Sandbox,
  token: string,
  context: StepContext,
  work: () => Promise<T>,
): Promise<T> {
  if (!(await exists(sandbox.directory))) throw superseded(sandbox, undefined);
  return await exclusively(sandbox, context, async () => {
    const held = await readClaim(sandbox);
    if (held?.token !== token) throw superseded(sandbox, held);
    return await work();
  });
}

async function exclusively<T>(sandbox: Sandbox, context: StepContext, work: () => Promise<T>): Promise<T> {
  // The attempt is part of the name, so that not even a later one takes the lock from an earlier one in the middle of a change.
  const operation = `attempt ${context.attempt} of ${context.operation}`;
  const guards = `The sandbox ${sandbox.directory}`;
  return await withLockFile(join(sandbox.directory, 'claim.lock'), { operation, guards }, work);
}

function superseded(sandbox: Sandbox, held: Claim | undefined): SupersededError {
  return new SupersededError(
    held === undefined
      ? `The sandbox ${sandbox.directory} is gone.`
      : `The sandbox ${sandbox.directory} is filled by attempt ${held.attempt} of ${held.operation} now.`,
  );
}

/** A restore never writes where something already is. */
export async function refuseUsedDirectory(sandbox: Pick<Sandbox, 'dataDirectory'>): Promise<void> {
  const there = (await exists(sandbox.dataDirectory)) ? await readdir(sandbox.dataDirectory) : [];
  if (there.length === 0) return;
  throw new SandboxError({
    what: `The directory ${sandbox.dataDirectory} is not empty (it holds ${there.slice(0, 3).join(', ')}${there.length > 3 ? ', …' : ''}).`,
    means: 'Restoring into it could destroy what is there; pgdrill never does.',
    todo: 'Name a directory that does not exist or is empty.',
  });
}
