import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';

import { installEntry } from '../../src/toolchain/install-entry.js';

/** Debian's stable release: Debian 12's pgBackRest does not know PostgreSQL 17. */
const suite = 'trixie';
/** It, and the loader and libraries that it was built for, whatever this machine has. */
const packages =
  'pgbackrest libc6 libgcc-s1 zlib1g libbz2-1.0 liblz4-1 liblzma5 libzstd1 libxxhash0 libpq5 libssh2-1t64 libssl3t64 libxml2 libcom-err2 libgssapi-krb5-2 libk5crypto3 libkeyutils1 libkrb5-3 libkrb5support0 libldap2 libsasl2-2';

/**
 * pgBackRest, put into pgdrill's cache from Debian's packages with Debian's own client (about ten seconds, once); apt checks their signatures.
 *
 * @returns the directory to put on the PATH. @throws where it cannot be had here, such as on another system.
 */
export async function ensurePgBackRest(): Promise<string> {
  return await installEntry({
    entry: `pgbackrest-${suite}`,
    what: 'pgBackRest',
    progress: (line) => process.stderr.write(`${line}\n`),
    fill: async (directory) => {
      const apt = join(directory, 'apt');
      try {
        await downloadPackages(apt);
        for (const name of (await readdir(apt)).filter((each) => each.endsWith('.deb')))
          await execa('dpkg-deb', ['-x', join(apt, name), join(directory, 'root')]);
        // Links within them lead to packages that are not there.
        for (const room of ['usr/share', 'etc', 'var']) await rm(join(directory, 'root', room), { recursive: true });
      } finally {
        await rm(apt, { recursive: true, force: true });
      }
      await writeFile(join(directory, 'pgbackrest'), launcher);
      await chmod(join(directory, 'pgbackrest'), 0o755);
      return { source: `Debian ${suite}: pgbackrest`, sha256: 'checked by apt' };
    },
    check: async (directory) => {
      await execa(join(directory, 'pgbackrest'), ['version']);
    },
  });
}

/** It starts itself again under the name that it was called by. */
const launcher = `#!/bin/sh
root="$(dirname "$0")/root"
exec "$root/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" --argv0 "$0" --library-path "$root/usr/lib/x86_64-linux-gnu" "$root/usr/bin/pgbackrest" "$@"
`;

/** With an apt of our own: what the machine has installed and knows stays as it is. */
async function downloadPackages(directory: string): Promise<void> {
  await mkdir(join(directory, 'lists', 'partial'), { recursive: true });
  const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';
  await writeFile(join(directory, 'sources.list'), `deb [signed-by=${keys}] ${await debianMirror()} ${suite} main\n`);
  await writeFile(join(directory, 'status'), '');
  await writeFile(
    join(directory, 'apt.conf'),
    `Dir::Etc::SourceList "${directory}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State "${directory}";
Dir::State::Lists "${directory}/lists";
Dir::State::Status "${directory}/status";
Dir::Cache "${directory}";
Acquire::Languages "none";
${process.getuid?.() === 0 ? 'APT::Sandbox::User "root";\n' : ''}`,
  );
  const options = { cwd: directory, env: { APT_CONFIG: join(directory, 'apt.conf') }, timeout: 120_000 };
  await execa('apt-get', ['update', '-q'], options);
  await execa('apt-get', ['download', '-q', ...packages.split(' ')], options);
}

/** The one that this machine is set up for. */
async function debianMirror(): Promise<string> {
  const { stdout } = await execa('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages']);
  const mirror = stdout.split('\n').find((line) => /\/debian\/?$/.test(line));
  if (mirror === undefined) throw new Error('apt knows no mirror of Debian here');
  return mirror;
}
