import { readdir } from 'node:fs/promises';

import { codeOf } from '../errors.js';

/** So many files are named. */
const mostNamed = 5;

/**
 * What an archive holds of a timeline. A recovered server gets a number that its archive does not know; but a second recovery, or the
 * source's own standby, may have got the same one meanwhile. Then the two must never share an archive (PostgreSQL manual, "Timelines").
 *
 * @returns names, the first ones.
 */
export async function archivedOf(walDirectory: string, timeline: number): Promise<string[]> {
  const prefix = timelineName(timeline);
  try {
    return (await readdir(walDirectory))
      .filter((name) => name.startsWith(prefix))
      .sort()
      .slice(0, mostNamed);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}

/** As the names of its WAL files begin: eight hexadecimal digits. */
export function timelineName(timeline: number): string {
  return timeline.toString(16).toUpperCase().padStart(8, '0');
}
