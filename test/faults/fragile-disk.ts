import { execFileSync } from 'node:child_process';
import { rename, rm } from 'node:fs/promises';

import { makePrivateDirectory } from '../../src/files/durable.js';
import { serverUser } from '../../src/process/server-user.js';

/** A disk whose power can be cut. */
export interface FragileDisk {
  /** Everything that was not yet written to the disk is lost; then the machine is up again, as far as this disk is concerned. */
  cutPower: () => void;
  unmount: () => void;
}

// FS_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH (linux/fs/ext4/ioctl.c): the file system stops where it is and flushes nothing.
const shutDown =
  'open(my $d, "<", $ARGV[0]) or die "open: $!"; my $how = pack("L", 2); ioctl($d, 0x8004587D, $how) or die "ioctl: $!"';

/**
 * Puts an ext4 file system of its own under a directory, with all that is in it.
 *
 * @returns undefined where that cannot be done (not root, no loop devices, no perl).
 */
export async function makeFragileDisk(directory: string): Promise<FragileDisk | undefined> {
  const image = `${directory}.img`;
  const aside = `${directory}.aside`;
  // Unwritten data stays in memory for as long as the kernel lets it.
  const mount = (): void =>
    void execFileSync('mount', ['-o', 'loop,noauto_da_alloc,commit=300', image, directory], { stdio: 'pipe' });
  await rename(directory, aside);
  await makePrivateDirectory(directory);
  try {
    execFileSync('perl', ['-e', '1']);
    execFileSync('truncate', ['-s', '400M', image]);
    execFileSync('mkfs.ext4', ['-q', image], { stdio: 'pipe' });
    mount();
  } catch {
    await rm(image, { force: true });
    await rm(directory, { recursive: true });
    await rename(aside, directory);
    return undefined;
  }
  const user = serverUser();
  if (user !== undefined) execFileSync('chown', [`${user.uid}:${user.gid}`, directory]);
  execFileSync('chmod', ['700', directory]);
  execFileSync('cp', ['-a', `${aside}/.`, directory]);
  execFileSync('sync', ['-f', directory]);
  await rm(aside, { recursive: true });
  return {
    cutPower: () => {
      execFileSync('perl', ['-e', shutDown, directory]);
      execFileSync('umount', ['--lazy', directory]);
      mount();
    },
    unmount: () => {
      execFileSync('umount', ['--lazy', directory]);
    },
  };
}
