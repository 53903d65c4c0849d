import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { execa, ExecaError } from 'execa';

import { codeOf, messageOf } from '../errors.js';
import { lastLines, reasonOf } from './failure-text.js';
import { unpackTarGz } from './unpack-tar.js';
import { temporalVersion } from './temporal-version.js';

/** One way to get the `temporal` program. */
export interface TemporalSource {
  /** How, as part of a sentence: `building it with Go (3 to 4 minutes on two cores, 3 GB of disk meanwhile)` */
  name: string;
  /** Puts `temporal` into a directory. @returns where it came from. @throws Error saying why it could not. */
  get: (directory: string) => Promise<string>;
}

const goModule = 'github.com/temporalio/cli';
/** Several times what two cores need. */
const buildPatienceMs = 30 * 60_000;
const downloadPatienceMs = 10 * 60_000;

/**
 * From source, by the Go module proxy. Go itself checks every module against the public checksum database, so there is no
 * hash to pin here. Its caches (3 GB) lie in the directory that is being filled and go away with it: nothing is left in
 * the home directory, which need not even exist.
 */
const goBuild: TemporalSource = {
  name: 'building it with Go (3 to 4 minutes on two cores, 3 GB of disk meanwhile)',
  get: async (directory) => {
    const scratch = join(directory, 'go');
    const env = {
      GOBIN: directory,
      GOPATH: scratch,
      GOMODCACHE: join(scratch, 'mod'),
      GOCACHE: join(scratch, 'build'),
      GOTMPDIR: directory,
      // Modules are made read-only unless told otherwise, and then could not be removed.
      GOFLAGS: '-mod=mod -modcacherw',
      GOWORK: 'off',
      CGO_ENABLED: '0', // the same as Temporal's own releases: no C compiler needed
    };
    const ldflags = `-s -w -X ${goModule}/temporalcli.Version=${temporalVersion}`;
    const args = ['install', '-trimpath', '-ldflags', ldflags, `${goModule}/cmd/temporal@v${temporalVersion}`];
    try {
      await execa('go', args, { cwd: directory, env, stdin: 'ignore', timeout: buildPatienceMs });
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EACCES')
        throw new Error('Go is not on this machine', { cause: error });
      if (error instanceof ExecaError && error.timedOut)
        throw new Error(`not finished within ${buildPatienceMs / 60_000} minutes`, { cause: error });
      throw new Error(lastLines(error instanceof ExecaError ? String(error.stderr) : messageOf(error), 5), {
        cause: error,
      });
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
    return `Go module ${goModule}@v${temporalVersion}`;
  },
};

/**
 * The release that Temporal's own SDKs download. There is no published hash to pin for it: what vouches for it is HTTPS.
 */
const ownDownload: TemporalSource = {
  name: 'downloading it from temporal.download',
  get: async (directory) => {
    const arch = process.arch === 'x64' ? 'amd64' : process.arch;
    const url = `https://temporal.download/cli/archive/v${temporalVersion}?platform=${process.platform}&arch=${arch}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(downloadPatienceMs) }).catch((error: unknown) => {
      throw new Error(`${url}: ${reasonOf(error)}`, { cause: error });
    });
    if (!response.ok) throw new Error(`${url} answered ${response.status} ${response.statusText}`);
    await unpackTarGz(Buffer.from(await response.arrayBuffer()), directory, 0);
    return url;
  },
};

/** In the order in which they are tried. */
export const temporalSources: readonly TemporalSource[] = [goBuild, ownDownload];
