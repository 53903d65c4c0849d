import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';

import { installEntry } from '../../src/toolchain/install-entry.js';

const version = '3.19.1';
const packages = [`barman==${version}`, 'psycopg2-binary==2.9.11', 'python-dateutil==2.9.0.post0', 'six==1.17.0'];
/** The system's own: another one may lie where the server user cannot go. */
const python = '/usr/bin/python3';
const programs = {
  barman: 'barman.cli',
  'barman-wal-archive': 'barman.clients.walarchive',
  'barman-wal-restore': 'barman.clients.walrestore',
};

/**
 * Barman, put into pgdrill's cache from PyPI with pip (a few seconds, once).
 *
 * @returns the directory to put on the PATH. @throws where it cannot be had here.
 */
export async function ensureBarman(): Promise<string> {
  return await installEntry({
    entry: `barman-${version}`,
    what: `Barman ${version}`,
    progress: (line) => process.stderr.write(`${line}\n`),
    fill: async (directory) => {
      const { stdout } = await execa(python, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])']);
      const into = [
        '--target',
        join(directory, 'lib'),
        '--python-version',
        stdout,
        '--platform',
        'manylinux2014_x86_64',
      ];
      const how = ['-m', 'pip', 'install', '--quiet', '--only-binary=:all:', '--no-deps'];
      await execa('python3', [...how, ...into, ...packages], { timeout: 120_000 });
      for (const [name, module] of Object.entries(programs)) {
        await writeFile(join(directory, name), launcher(module));
        await chmod(join(directory, name), 0o755);
      }
      return { source: `PyPI: ${packages.join(', ')}`, sha256: 'checked by pip' };
    },
    check: async (directory) => {
      await execa(join(directory, 'barman'), ['--version']);
    },
  });
}

/** It starts itself again under the name that it was called by. */
const launcher = (module: string): string => `#!${python}
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), 'lib'))
from ${module} import main
sys.exit(main())
`;
