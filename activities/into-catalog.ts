import { catchUp, keepForLater, type MonitoringEvent, recordEvent, withCatalog } from '../src/catalog/catalog.js';
import { clusterOf } from '../src/configuration/cluster.js';
import { messageOf } from '../src/errors.js';
import type { Connection } from '../src/postgres/connection.js';
import type { Dependencies } from './dependencies.js';

/**
 * Writes to the catalog, if there is one. The catalog is derived data, so when it is down this is a warning and ends nothing; what it
 * missed is kept, and written by the next step that reaches it, or when a worker starts.
 *
 * @param what.events told after `write`; their operations name them, so that each is there once.
 * @returns warnings.
 */
export async function intoCatalog(
  { loaded, catalogUrl }: Pick<Dependencies, 'loaded' | 'catalogUrl'>,
  signal: AbortSignal,
  what: { write?: (client: Connection) => Promise<void>; events: readonly MonitoringEvent[] },
): Promise<string[]> {
  if (catalogUrl === undefined) return ['No catalog is configured: the figures are in the repository only.'];
  const { stateDirectory, configuration } = loaded;
  try {
    await withCatalog(
      catalogUrl,
      async (client) => {
        // First what came first.
        const clusters = Object.keys(configuration.clusters).map((name) => clusterOf(loaded, name));
        await catchUp(client, stateDirectory, clusters);
        await what.write?.(client);
        for (const event of what.events) await recordEvent(client, event);
      },
      signal,
    );
    return [];
  } catch (error) {
    signal.throwIfAborted();
    const unkept = await keepForLater(stateDirectory, what.events).catch(
      (keeping: unknown) => `Nor could it be kept for later (${messageOf(keeping)}): run pgdrill catalog rebuild.`,
    );
    return [`The catalog could not be written: ${messageOf(error)}`, ...(unkept === undefined ? [] : [unkept])];
  }
}
