import { homedir } from 'node:os';
import { isAbsolute, join, normalize } from 'node:path';

import { ConfigurationError } from '../errors.js';

/**
 * Where pgdrill keeps sandboxes and the embedded servers: `PGDRILL_STATE`, else the configuration's `state_directory`, else
 * `/var/lib/pgdrill` as root, else below the XDG state home. Nothing is created here.
 *
 * @throws ConfigurationError when `PGDRILL_STATE` is not an absolute path.
 */
export function stateDirectory(
  configured?: string,
  machine: { env?: NodeJS.ProcessEnv; uid?: number | undefined; home?: string } = {},
): string {
  const env = machine.env ?? process.env;
  const named = env['PGDRILL_STATE'] ?? '';
  if (named !== '' && !isAbsolute(named)) {
    throw new ConfigurationError({
      what: `PGDRILL_STATE is "${named}", which is not an absolute path.`,
      means: 'Two pgdrill processes in different directories would use different states.',
      todo: 'Set it to an absolute path such as /var/lib/pgdrill, or unset it.',
    });
  }
  if (named !== '') return withoutTrailingSlash(named);
  if (configured !== undefined) return withoutTrailingSlash(configured);
  // PostgreSQL runs as another user then, and root's home is closed to it.
  if ((machine.uid ?? process.getuid?.()) === 0) return '/var/lib/pgdrill';
  const xdg = env['XDG_STATE_HOME'] ?? '';
  // A relative XDG path is to be ignored (XDG Base Directory Specification).
  const base = isAbsolute(xdg) ? xdg : join(machine.home ?? homedir(), '.local', 'state');
  return join(base, 'pgdrill');
}

/** A path in its shortest form, so that equal directories are equal texts. */
export function withoutTrailingSlash(path: string): string {
  const normal = normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}
