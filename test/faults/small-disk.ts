import { execFileSync } from 'node:child_process';
import { rename, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { makePrivateDirectory } from '../../src/files/durable.js';
import { serverUser } from '../../src/process/server-user.js';

/** A directory that became a disk of its own, small enough to be filled. */
export interface SmallDisk {
  fill: () => Promise<void>;
  makeRoom: () => Promise<void>;
  setReadOnly: (readOnly: boolean) => void;
  unmount: () => void;
}

/** Only root may mount. */
export const canMount = process.getuid?.() === 0;

/** Puts a disk under a directory, with all that is in it. Nobody may have files open there. */
export async function makeSmallDisk(directory: string): Promise<SmallDisk> {
  const aside = `${directory}.aside`;
  await rename(directory, aside);
  await makePrivateDirectory(directory);
  const user = serverUser();
  const owner = user === undefined ? '' : `,uid=${user.uid},gid=${user.gid}`;
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=300m,mode=0700${owner}`, 'pgdrill-test', directory]);
  execFileSync('cp', ['-a', `${aside}/.`, directory]);
  await rm(aside, { recursive: true });
  const filler = join(directory, '.filler');
  return {
    fill: async () => {
      const { bavail, bsize } = await statfs(directory);
      execFileSync('fallocate', ['-l', String(bavail * bsize), filler]);
      // The last page: where another writer was quicker, there is no room for it already.
      await writeFile(`${filler}-2`, 'x').catch(() => undefined);
    },
    makeRoom: async () => {
      await rm(filler, { force: true });
      await rm(`${filler}-2`, { force: true });
    },
    setReadOnly: (readOnly) => {
      execFileSync('mount', ['-o', `remount,${readOnly ? 'ro' : 'rw'}`, directory]);
    },
    unmount: () => {
      execFileSync('umount', ['--lazy', directory]);
    },
  };
}
