import type { Conninfo } from '../../postgres/conninfo.js';
import type { PageChecksums } from '../../postgres/page-checksums.js';
import { keyOfFork, parseRelationFile } from '../../repository/relation-files.js';
import { nameRelations } from '../../repository/relation-names.js';
import { count } from '../../schema/figures.js';
import type { Check } from '../../schema/results.js';

/**
 * The check `page checksums` from what pg_checksums found. The server must run again: it knows the relations by their names.
 */
export async function judgePageChecksums(
  { files, pages, damaged }: PageChecksums,
  seconds: number,
  connection: Conninfo,
  signal: AbortSignal,
): Promise<Check> {
  const found = damaged.map((file) => ({ ...file, id: parseRelationFile(file.path.replace('_fsm', '')) }));
  const forks = found.flatMap(({ id }) => (id === undefined ? [] : [{ ...id, fork: 'main' as const }]));
  // What is damaged may be the catalogs that hold the names: then the files have to do.
  const names = await nameRelations(connection, forks, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    if (error instanceof Error) return new Map<string, string>();
    throw error;
  });
  const broken = damaged.reduce((sum, file) => sum + file.pages, 0);
  return {
    name: 'page checksums',
    status: damaged.length === 0 ? 'passed' : 'failed',
    summary:
      damaged.length === 0
        ? `The checksums of all ${count(pages)} pages in ${count(files)} files are right.`
        : `${count(broken)} pages in ${count(damaged.length)} files are not as their checksums say.`,
    figures: { files, pages, broken },
    problems: found.map(({ path, pages: wrong, first, id }) => ({
      object: (id === undefined ? undefined : names.get(keyOfFork({ ...id, fork: 'main' }))) ?? path,
      detail: `${path}, ${first}${wrong > 1 ? ` (and ${wrong - 1} more pages)` : ''}`,
    })),
    seconds,
  };
}
