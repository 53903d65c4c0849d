import { z } from 'zod';

import { messageOf, RepositoryError } from '../errors.js';
import { keys, type Repository } from '../repository/repository.js';
import { type Evidence, evidenceSchema } from '../schema/evidence.js';

/** Renders an evidence into report.html beside it. @returns the file's path. */
export async function writeReport({ storage }: Repository, evidence: Evidence): Promise<string> {
  // Only here: the charting library is no part of what a worker loads at its start.
  const { renderDrillPage } = await import('./html/drill-page.js');
  const key = keys.report(evidence.id);
  await storage.writeText(key, await renderDrillPage(evidence));
  return storage.pathOf(key);
}

/** The same for the end of a drill: its result does not depend on a page that can be made again. */
export async function tryWriteReport(
  repository: Repository,
  evidence: Evidence,
): Promise<{ path?: string; warnings: string[] }> {
  try {
    return { path: await writeReport(repository, evidence), warnings: [] };
  } catch (error) {
    const todo = `Make it anew: pgdrill report ${evidence.id}`;
    return { warnings: [`The report could not be written: ${messageOf(error)}. ${todo}`] };
  }
}

/**
 * @param name the id of an evidence, or of the workflow that left it: of several runs of that id, the newest counts.
 * @returns undefined where the repository has no such evidence. @throws RepositoryError where it cannot be read.
 */
export async function findEvidence(repository: Repository, name: string): Promise<Evidence | undefined> {
  const ids = await repository.storage.list(keys.evidences);
  const exact = ids.includes(name) ? await readEvidence(repository, name) : undefined;
  if (exact !== undefined) return exact;
  let newest: Evidence | undefined;
  for (const id of ids) {
    if (!id.startsWith(`${name}-`)) continue;
    const evidence = await readEvidence(repository, id);
    if (evidence?.workflowId === name && (newest === undefined || evidence.startedAt > newest.startedAt))
      newest = evidence;
  }
  return newest;
}

/** @returns undefined where the repository has no such evidence. @throws RepositoryError where it cannot be read. */
export async function readEvidence({ storage }: Repository, id: string): Promise<Evidence | undefined> {
  const text = await storage.readText(keys.evidenceFile(id));
  if (text === undefined) return undefined;
  try {
    return evidenceSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new RepositoryError({
      what: `${storage.pathOf(keys.evidenceFile(id))} cannot be read: ${error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error)}`,
      means: 'It is damaged, or another version of pgdrill wrote it.',
      todo: 'See whether it was changed: pgdrill evidence verify. Then restore it from a copy.',
    });
  }
}
