import { dirname, join, relative, resolve } from 'node:path';

import type { ResolvedCluster } from '../configuration/cluster.js';
import { messageOf } from '../errors.js';
import { exists, writeFileDurably } from '../files/durable.js';
import { judgeCluster } from '../objectives/judge.js';
import { readDrills } from '../objectives/read-drills.js';
import { keys, type Repository } from '../repository/repository.js';
import type { Evidence } from '../schema/evidence.js';
import { readEvidence, writeReport } from './write-report.js';

/**
 * Writes the page over all drills of a cluster; a drill that has no report yet gets one, so that every link leads somewhere.
 *
 * @param out where to; default `report.html` in the repository.
 * @returns the file's path.
 */
export async function writeClusterReport(
  repository: Repository,
  { name, objectives }: Pick<ResolvedCluster, 'name' | 'objectives'>,
  out?: string,
): Promise<string> {
  const { renderClusterPage } = await import('./html/cluster-page.js');
  const { storage } = repository;
  const path = out === undefined ? storage.pathOf('report.html') : resolve(out);
  const evidences: Evidence[] = [];
  const unreadable: string[] = [];
  for (const id of await storage.list(keys.evidences)) {
    try {
      const evidence = await readEvidence(repository, id);
      if (evidence === undefined) continue;
      evidences.push({ ...evidence, id });
      if (!(await exists(storage.pathOf(keys.report(id))))) await writeReport(repository, { ...evidence, id });
    } catch (error) {
      unreadable.push(`${id}: ${messageOf(error)}`);
    }
  }
  evidences.sort((a, b) => Date.parse(a.finishedAt) - Date.parse(b.finishedAt));
  const linkTo = (id: string): string =>
    relative(dirname(path), join(storage.pathOf(keys.report(id))))
      .split('/')
      .map(encodeURIComponent)
      .join('/');
  const standing = judgeCluster({ name, objectives }, await readDrills(repository), new Date());
  const text = await renderClusterPage({ cluster: name, standing, evidences, objectives, unreadable, linkTo });
  await writeFileDurably(path, text);
  return path;
}
