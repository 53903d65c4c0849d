import { stopInstance } from '../postgres/instance.js';
import { Registry } from '../registry/registry.js';
import type { PostgresTools } from '../toolchain/postgres.js';

/** Whether something that was restored is still there that nobody has taken over: it needs what lies in the state directory. */
export async function keepsServers(stateDirectory: string): Promise<boolean> {
  const { entries } = await new Registry(stateDirectory).list();
  return entries.some(({ entry }) => entry.kind === 'sandbox');
}

/** Stops the servers of a recovery that is interrupted: cleanly, so that it goes on from there. */
export async function stopServers(tools: PostgresTools, stateDirectory: string): Promise<void> {
  const { entries } = await new Registry(stateDirectory).list();
  for (const { entry } of entries)
    if (entry.kind === 'sandbox') await stopInstance(tools, entry.sandbox.dataDirectory, 'fast');
}
