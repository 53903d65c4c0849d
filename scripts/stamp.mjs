// Stamps tell whether something made from files is still in step with them: the hash of the files, written beside the
// result, last of all. Plain JavaScript without dependencies, since it runs before `npm ci` and before the build.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the build is made from. Tests are not: vitest compiles those itself. */
const builtFrom = ['src', 'workflows', 'activities', 'workers', 'scripts', 'package-lock.json'];

/**
 * @param {string} root the checkout
 * @returns {string} SHA-256 over names and contents of everything that the build is made from
 */
export function hashOfSources(root) {
  const configurations = readdirSync(root).filter((name) => /^tsconfig.*\.json$/.test(name));
  const hash = createHash('sha256');
  for (const name of [...builtFrom, ...configurations].sort()) {
    for (const file of filesOf(root, name))
      hash
        .update(`${file}\0`)
        .update(readFileSync(join(root, file)))
        .update('\0');
  }
  return hash.digest('hex');
}

/** @returns {string} SHA-256 of one file */
export function hashOfFile(path) {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** @returns {string | undefined} what {@link writeStamp} wrote, or undefined where nothing is finished */
export function readStamp(path) {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
}

export function writeStamp(path, hash) {
  writeFileSync(path, `${hash}\n`);
}

function filesOf(root, name) {
  const path = join(root, name);
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [name];
  return readdirSync(path)
    .sort()
    .flatMap((below) => filesOf(root, join(name, below)));
}
