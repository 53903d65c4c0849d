import { readFileSync } from 'node:fs';

import { ToolchainError } from '../errors.js';

/** The operating-system user that PostgreSQL's own processes run as. */
export interface ServerUser {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

/**
 * PostgreSQL refuses to run as root ("root" execution of the PostgreSQL server is not permitted), so when pgdrill runs
 * as root its PostgreSQL processes get another user: `PGDRILL_OS_USER`, else `postgres`, else `nobody`.
 *
 * @returns that user, or undefined where pgdrill is not root and its processes simply run as the same user.
 * @throws ToolchainError when the named user does not exist.
 */
export function serverUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const wanted = process.env.PGDRILL_OS_USER;
  const users = readUsers();
  const found = wanted === undefined ? (users.get('postgres') ?? users.get('nobody')) : users.get(wanted);
  if (found === undefined || found.uid === 0) {
    throw new ToolchainError({
      what: `pgdrill runs as root, and there is no unprivileged user ${wanted ?? '`postgres` or `nobody`'} on this machine.`,
      means: 'PostgreSQL refuses to run as root, so its processes need another user.',
      todo: 'Create one (useradd --system postgres), or name one in PGDRILL_OS_USER, or run pgdrill as that user.',
    });
  }
  return found;
}

function readUsers(): Map<string, ServerUser> {
  const users = new Map<string, ServerUser>();
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [name, , uid, gid, , home] = line.split(':');
    if (name && uid && gid) users.set(name, { name, uid: Number(uid), gid: Number(gid), home: home ?? '/' });
  }
  return users;
}
