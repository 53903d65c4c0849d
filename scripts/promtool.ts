import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

import { execa } from 'execa';

import { exists } from '../src/files/durable.js';
import { cacheDirectory } from '../src/toolchain/cache-directory.js';
import { installEntry } from '../src/toolchain/install-entry.js';
import { slowStep, type Progress } from '../src/toolchain/progress.js';
import { readEntry } from '../src/toolchain/stamp.js';

/** 3.5.0, as docker-compose.yml runs it: Prometheus numbers its Go module 0.305.0. */
const version = '3.5.0';
const goModule = 'github.com/prometheus/prometheus';
const goVersion = 'v0.305.0';
const entry = `promtool-${version}`;

export async function findOnPath(program: string): Promise<string | undefined> {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter).filter(isAbsolute)) {
    const path = join(directory, program);
    if (await exists(path).catch(() => false)) return path;
  }
  return undefined;
}

/** Prometheus' own checker of rules, on PATH or in pgdrill's cache. For developers: pgdrill itself needs none. */
export async function findPromtool(): Promise<string | undefined> {
  const found = await findOnPath('promtool');
  if (found !== undefined) return found;
  const directory = join(cacheDirectory(), entry);
  return (await readEntry(directory)).is === 'whole' ? join(directory, 'promtool') : undefined;
}

/**
 * The same, built with Go into the cache where there is none. Its go.mod replaces modules, so that `go install` refuses it: it is built as
 * a dependency of an empty module. Go checks every module against the public checksum database.
 */
export async function ensurePromtool(progress: Progress): Promise<string> {
  const found = await findPromtool();
  if (found !== undefined) return found;
  const what = `promtool ${version}`;
  const directory = await installEntry({ entry, what, progress, fill: (partial) => build(partial, what, progress) });
  return join(directory, 'promtool');
}

async function build(directory: string, what: string, progress: Progress): Promise<{ source: string; sha256: string }> {
  const scratch = join(directory, 'go');
  const env = {
    GOPATH: scratch,
    GOMODCACHE: join(scratch, 'mod'),
    GOCACHE: join(scratch, 'build'),
    GOTMPDIR: directory,
    GOFLAGS: '-mod=mod -modcacherw', // modules that are read-only could not be removed
    GOWORK: 'off',
    CGO_ENABLED: '0',
  };
  const go = (...args: string[]): Promise<unknown> => execa('go', args, { cwd: directory, env });
  const path = join(directory, 'promtool');
  try {
    await slowStep(progress, `${what}: building it with Go (minutes)`, async () => {
      await writeFile(join(directory, 'go.mod'), 'module promtool\n');
      await go('get', `${goModule}/cmd/promtool@${goVersion}`);
      await go('build', '-trimpath', '-ldflags', '-s -w', '-o', path, `${goModule}/cmd/promtool`);
    });
  } finally {
    for (const each of [scratch, join(directory, 'go.mod'), join(directory, 'go.sum')])
      await rm(each, { recursive: true, force: true });
  }
  const sha256 = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  return { source: `Go module ${goModule}@${goVersion}`, sha256 };
}
