import { isAbsolute, relative } from 'node:path';

import { checkCatalogUrl, checkConnection } from './connection-check.js';
import type { SchemaProblem } from './issue-text.js';
import { checkSchedules } from './schedule-check.js';
import { withoutTrailingSlash } from './state-directory.js';

/**
 * What the schema cannot see: connection strings, schedules, and clusters that would share a repository. Works on the raw data, so that
 * these problems are told together with the schema's.
 */
export function checkContent(document: unknown): SchemaProblem[] {
  const problems: SchemaProblem[] = [];
  const add = (path: string[], text: string | undefined): void => {
    if (text !== undefined) problems.push({ path, text });
  };
  const url = field(field(document, 'catalog'), 'url');
  if (typeof url === 'string') add(['catalog', 'url'], checkCatalogUrl(url));
  const repositories: { name: string; path: string }[] = [];
  for (const [name, cluster] of entries(field(document, 'clusters'))) {
    problems.push(...checkSchedules(['clusters', name], cluster));
    const connection = field(cluster, 'connection');
    if (typeof connection === 'string' && connection !== '') {
      add(['clusters', name, 'connection'], checkConnection(connection));
    }
    const standby = field(cluster, 'backup_from');
    if (typeof standby === 'string' && standby !== '')
      add(['clusters', name, 'backup_from'], checkConnection(standby, 'standby'));
    const repository = field(cluster, 'repository');
    if (typeof repository !== 'string' || !isAbsolute(repository)) continue;
    const path = withoutTrailingSlash(repository);
    const other = repositories.find((earlier) => within(path, earlier.path) || within(earlier.path, path));
    if (other !== undefined) {
      add(
        ['clusters', name, 'repository'],
        `is ${path}, which shares a directory with the repository of ${other.name} (${other.path}). Give each cluster one of its own.`,
      );
    }
    repositories.push({ name, path });
  }
  return problems;
}

function within(path: string, directory: string): boolean {
  return !/^\.\.(\/|$)/.test(relative(directory, path));
}

function entries(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

function field(value: unknown, key: string): unknown {
  return entries(value).find(([name]) => name === key)?.[1];
}
