import { type ForkId, keyOfFork } from '../repository/relation-files.js';
import { nameRelations } from '../repository/relation-names.js';
import { count } from '../schema/figures.js';
import type { MendedMap } from '../schema/mended-map.js';
import type { Finding, Sandbox } from '../schema/results.js';
import { readSandboxRecord, sandboxConninfo } from './sandbox.js';

/** So many maps are named; the rest are counted. */
const maxNamed = 20;

/**
 * Which visibility maps were mended while this sandbox was prepared (mendVisibilityMaps), by the names of their tables. Only an open
 * server knows those.
 */
export async function findingsOfMendedMaps(sandbox: Sandbox, signal: AbortSignal): Promise<Finding[]> {
  const mended = (await readSandboxRecord(sandbox.directory))?.mended ?? [];
  if (mended.length === 0) return [];
  const forks = mended.map((each): ForkId => ({ ...each, fork: 'main' }));
  const names = await nameRelations(sandboxConninfo(sandbox), forks.slice(0, maxNamed), signal);
  const findings = mended.slice(0, maxNamed).map((each): Finding => {
    const name = names.get(keyOfFork({ ...each, fork: 'main' })) ?? `file ${each.filenode}`;
    return warning(
      `The visibility map of ${name} came out of the incremental backups wrong, and was mended: ${describe(each)}. Left alone, index-only scans would have returned deleted rows.`,
    );
  });
  const more = mended.length - maxNamed;
  return more <= 0 ? findings : [...findings, warning(`The visibility maps of ${more} more relations were mended.`)];
}

function describe({ beyond, within }: MendedMap): string {
  return [
    ...(within > 0 ? [`${count(within)} pages were marked all-visible that are not`] : []),
    ...(beyond > 0 ? [`${count(beyond)} pages beyond the table's end were marked`] : []),
  ].join(', ');
}

function warning(message: string): Finding {
  return {
    name: 'visibility map',
    level: 'warning',
    message,
    fix: 'On the source: update to the latest minor release, and turn on wal_log_hints or data checksums. The next full backup is right again.',
  };
}
