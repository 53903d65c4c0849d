import type { BackupRecord } from '../schema/backup-record.js';

/** Orders backups so that whatever builds on another comes before it. */
export function childrenFirst<T extends { id: string }>(things: readonly T[], backups: readonly BackupRecord[]): T[] {
  const parents = new Map(backups.map(({ id, parent }) => [id, parent]));
  const depthOf = (id: string): number => {
    const seen = new Set<string>();
    for (let at: string | undefined = id; at !== undefined && !seen.has(at); at = parents.get(at)) seen.add(at);
    return seen.size;
  };
  return [...things].sort((a, b) => depthOf(b.id) - depthOf(a.id));
}
