import { isAbsolute, join } from 'node:path';

import type { StorageError } from '../errors.js';
import { ioError } from './durable.js';

/** EIO as the C library words it in the messages of tools and servers (they run with LC_ALL=C). */
const words = /input\/output error/i;

/**
 * What a tool or a server said, where a disk's I/O error is the reason: it names the file that was worked on.
 *
 * @param text its output or log.
 * @param base the directory that it names files in; where it is not known (a server's, that a tool asked), the cause has what it said.
 */
export function ioErrorIn(text: string, base?: string): StorageError | undefined {
  const said = text
    .split(/[\r\n]+/)
    .find((line) => words.test(line))
    ?.trim();
  if (said === undefined) return undefined;
  // Two where something was copied or renamed: either disk may be the one.
  const quoted = [...said.matchAll(/["'‘]([^"'’]+)["'’]/g)].flatMap(([, name]) => name ?? []);
  const unquoted = /(?:^|\s)(\/\S+?):(?=\s|$)/.exec(said)?.[1];
  const names = quoted.length > 0 || unquoted === undefined ? quoted : [unquoted];
  if (base === undefined && !names.some(isAbsolute)) return ioError('A file', said, new Error(said));
  const paths = names.map((name) => (isAbsolute(name) ? name : join(base ?? '', name)));
  return ioError(paths.length === 0 ? (base ?? '') : paths.join(' or '), said);
}
