import { hostname } from 'node:os';

import { endGroup } from '../process/kill-group.js';
import { isRunning } from '../process/process-identity.js';
import type { Registry } from './registry.js';

/**
 * Ends the tools of earlier attempts at the same step: their worker is dead, or was so slow that Temporal has given it up. What they
 * would still do can only be in the way.
 */
export async function reapEarlier(registry: Registry, operation: string, attempt: number): Promise<void> {
  const { entries } = await registry.list();
  for (const { id, entry } of entries) {
    if (entry.kind !== 'tool' || entry.operation !== operation || entry.attempt >= attempt) continue;
    if (entry.host !== hostname() || entry.process === undefined) continue;
    if (isRunning(entry.process)) await endGroup(entry.process.pid);
    await registry.drop(id);
  }
}
