import { messageOf } from '../errors.js';
import { keys, type Repository } from '../repository/repository.js';
import type { Evidence } from '../schema/evidence.js';
import { renderHandOver } from './render.js';

/** Writes a recovery's hand-over sheet beside its evidence. The evidence has the same in JSON: a disk that takes no more costs only the file. */
export async function writeHandOver(
  { storage }: Repository,
  { id, cluster, handOver }: Evidence,
): Promise<{ path?: string; warnings: string[] }> {
  if (handOver === undefined) return { warnings: [] };
  const key = keys.handOver(id);
  try {
    await storage.writeText(key, renderHandOver(cluster, handOver));
    return { path: storage.pathOf(key), warnings: [] };
  } catch (error) {
    return { warnings: [`The hand-over sheet could not be written into a file: ${messageOf(error)}`] };
  }
}
