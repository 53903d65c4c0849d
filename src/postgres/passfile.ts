import { readFile, stat } from 'node:fs/promises';

import { AccessError, codeOf } from '../errors.js';
import type { Conninfo } from './conninfo.js';

/**
 * Looks a password up in a libpq passfile (PostgreSQL manual, "The Password File"): lines of host:port:database:user:password, `*` matches
 * anything, `\` escapes; the first line that fits wins.
 *
 * @returns undefined where no line fits, or where there is no such file.
 * @throws AccessError when others may read the file: libpq would ignore it, too.
 */
export async function readPassfile(path: string, conninfo: Conninfo): Promise<string | undefined> {
  const found = await stat(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return undefined;
  if ((found.mode & 0o077) !== 0) {
    throw new AccessError({
      what: `The passfile ${path} can be read by others.`,
      means: 'Like libpq, pgdrill does not use it then.',
      todo: `chmod 600 ${path}`,
    });
  }
  const host = conninfo['host'] ?? conninfo['hostaddr'] ?? 'localhost';
  // libpq looks a local socket up as localhost, too.
  const wanted = [
    host.startsWith('/') ? [host, 'localhost'] : [host],
    [conninfo['port'] ?? '5432'],
    [conninfo['dbname'] ?? conninfo['user'] ?? ''],
    [conninfo['user'] ?? ''],
  ];
  for (const line of (await readFile(path, 'utf8')).split('\n')) {
    if (line.startsWith('#')) continue;
    const fields = splitFields(line);
    const password = fields[4];
    if (password === undefined) continue;
    if (wanted.every((values, at) => fields[at] === '*' || values.includes(fields[at] ?? ''))) return password;
  }
  return undefined;
}

function splitFields(line: string): string[] {
  return [...line.matchAll(/((?:\\.|[^:\\])*)(?::|$)/g)].map((match) => (match[1] ?? '').replace(/\\(.)/g, '$1'));
}
