import { readdir, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

import type { Entry } from '../registry/entry.js';
import { idOf, type Listed } from '../registry/registry.js';
import { readClaim } from '../restore/claim.js';
import { claimOf, readSandboxRecord, sandboxLayout } from '../restore/sandbox.js';

/**
 * Sandboxes that are not registered but say themselves whose they are: those of an earlier pgdrill, or of a registry that was lost.
 *
 * @param namespace is taken for theirs, since a claim does not name it.
 */
export async function adoptSandboxes(
  sandboxDirectories: readonly string[],
  known: readonly Listed[],
  namespace: string,
): Promise<Listed[]> {
  const ids = new Set(known.map(({ id }) => id));
  const found: Listed[] = [];
  for (const parent of new Set(sandboxDirectories)) {
    for (const name of await readdir(parent).catch(() => [])) {
      const id = idOf('sandbox', join(parent, name));
      if (ids.has(id)) continue;
      const entry = await entryOf(parent, name, namespace);
      if (entry !== undefined) found.push({ id, entry });
    }
  }
  return found;
}

async function entryOf(parent: string, name: string, namespace: string): Promise<Entry | undefined> {
  const directory = join(parent, name);
  const claim = await readClaim({ directory }).catch(() => undefined);
  const record = await readSandboxRecord(directory).catch(() => undefined);
  // As activities/step.ts names operations: workflow id, run id, activity.
  const parts = /^(.+)\/([0-9a-f-]{36})\/[^/]+$/.exec(claim?.operation ?? record?.operation ?? '');
  const [, workflowId, runId] = parts ?? [];
  if (claim === undefined || workflowId === undefined || runId === undefined) return undefined;
  const dataDirectory = claim.dataDirectory ?? record?.sandbox.dataDirectory;
  return {
    formatVersion: 1,
    kind: 'sandbox',
    owner: { namespace, workflowId, runId },
    operation: claim.operation,
    attempt: claim.attempt,
    host: hostname(),
    createdAt: (await stat(claimOf({ directory }))).mtime.toISOString(),
    sandbox: sandboxLayout(name, parent, dataDirectory),
  };
}
