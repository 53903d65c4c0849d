import { withCatalog } from '../src/catalog/catalog.js';
import { messageOf } from '../src/errors.js';
import type { Connection } from '../src/postgres/connection.js';

/**
 * Writes to the catalog, if there is one. The catalog is derived data: what goes in is in the repository already, so when it is down this
 * is a warning and ends nothing.
 *
 * @returns warnings.
 */
export async function intoCatalog(
  url: string | undefined,
  signal: AbortSignal,
  write: (client: Connection) => Promise<void>,
): Promise<string[]> {
  if (url === undefined) return ['No catalog is configured: the figures are in the repository only.'];
  try {
    await withCatalog(url, write, signal);
    return [];
  } catch (error) {
    signal.throwIfAborted();
    return [`The catalog could not be written: ${messageOf(error)}`];
  }
}
