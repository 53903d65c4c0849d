import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { SupersededError } from '../errors.js';
import { makePrivateDirectory, writeFileDurably } from '../files/durable.js';
import { withConnection } from '../postgres/connection.js';
import type { StepContext } from '../process/step-context.js';
import { sandboxConninfo } from '../restore/sandbox.js';
import type { KnownFence, Sandbox } from '../schema/results.js';
import { version } from '../version.js';

const ownerSchema = z.object({ operation: z.string(), key: z.string(), attempt: z.number().int() });

/** What one validation has found out so far, in files: the sandbox stands still, so a next attempt need not look again. */
export interface KeptChecks {
  /**
   * Answers what an earlier attempt found, or looks and keeps the answer. What throws is not kept.
   *
   * @throws SupersededError when a later attempt has begun: its checks must not be disturbed.
   */
  once: <T>(name: string, look: () => Promise<T>) => Promise<T>;
  /** Called after a clean restart of our own: what was found before it still holds. */
  restarted: () => Promise<void>;
}

/**
 * Opens what earlier attempts at the same validation kept. It is thrown away where it could be wrong by now: another operation, another
 * server process or a crash of it since (unlogged tables are emptied then), another fingerprint to compare with, another pgdrill.
 */
export async function openKeptChecks(
  sandbox: Sandbox,
  capture: KnownFence | undefined,
  context: StepContext,
): Promise<KeptChecks> {
  const directory = join(sandbox.directory, 'validation');
  const ownerFile = join(directory, 'owner.json');
  const keyNow = async (): Promise<string> =>
    JSON.stringify([context.operation, await serverOf(sandbox, context.signal), capture?.fingerprint.sha256, version]);
  let key = await keyNow();
  const own = (): Promise<void> =>
    writeFileDurably(ownerFile, JSON.stringify({ operation: context.operation, key, attempt: context.attempt }));
  const refuseSuperseded = async (): Promise<void> => {
    const owner = await readOwner(ownerFile);
    if (owner?.key !== key || owner.attempt !== context.attempt) throw superseded(sandbox);
  };
  const before = await readOwner(ownerFile);
  if (before?.operation === context.operation && before.attempt > context.attempt) throw superseded(sandbox);
  if (before?.key !== key || context.attempt === 1) await rm(directory, { recursive: true, force: true });
  await makePrivateDirectory(directory);
  await own();
  return {
    once: async <T>(name: string, look: () => Promise<T>): Promise<T> => {
      context.signal.throwIfAborted();
      await refuseSuperseded();
      const path = join(directory, `${createHash('sha256').update(name).digest('hex').slice(0, 16)}.json`);
      const kept = parseJson(await readFile(path, 'utf8').catch(() => '')) as { name: string; answer: T } | undefined;
      if (kept?.name === name) return kept.answer;
      const answer = await look();
      await writeFileDurably(path, JSON.stringify({ name, answer }));
      return answer;
    },
    restarted: async () => {
      await refuseSuperseded();
      key = await keyNow();
      await own();
    },
  };
}

/** Names the server's run: its checkpointer is started anew with it, and after every crash. */
async function serverOf(sandbox: Sandbox, signal: AbortSignal): Promise<string> {
  return await withConnection(
    sandboxConninfo(sandbox),
    async (client) => {
      const { rows } = await client.query<{ server: string }>(
        `select concat_ws(' ', system_identifier, pg_postmaster_start_time(), pid, backend_start) as server
           from pg_control_system(), pg_stat_activity
          where backend_type = 'checkpointer'`,
      );
      // Without a name nothing is taken from an earlier attempt.
      return rows[0]?.server ?? `unknown ${Math.random()}`;
    },
    { signal },
  );
}

function superseded({ directory }: Sandbox): SupersededError {
  return new SupersededError(`Another attempt validates the sandbox ${directory} now.`);
}

async function readOwner(path: string): Promise<z.infer<typeof ownerSchema> | undefined> {
  return ownerSchema.safeParse(parseJson(await readFile(path, 'utf8').catch(() => ''))).data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // cut short: as if it had not been looked at
  }
}
