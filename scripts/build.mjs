// Builds the checkout into dist/: TypeScript, then the workflows as one bundle. Everything is made in dist.partial-<pid>
// and swapped in at the end, so that whoever runs from dist meanwhile never sees half of it.
import { Buffer } from 'node:buffer';
import { chmodSync, existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { giveToOwner } from './owner.mjs';
import { runChild } from './run-child.mjs';
import { pidIsAlive } from './setup-lock.mjs';
import { hashOfSources, writeStamp } from './stamp.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const partial = `${dist}.partial-${process.pid}`;

/** @returns {Promise<number>} exit code */
async function build() {
  removeLeftovers();
  const sources = hashOfSources(root); // before compiling: what changes meanwhile is built next time
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { exitCode } = await runChild(process.execPath, [
    tsc,
    '-p',
    join(root, 'tsconfig.build.json'),
    '--outDir',
    partial,
  ]);
  if (exitCode !== 0) return exitCode;
  await bundleWorkflows();
  const main = join(partial, 'src/cli/main.js');
  if (existsSync(main)) chmodSync(main, 0o755);
  writeStamp(join(partial, '.pgdrill-stamp'), sources);
  giveToOwner(root, partial);
  swapIn();
  return 0;
}

/** Bundled once here and not at every start of a worker, where it would cost seconds. */
async function bundleWorkflows() {
  const workflowsPath = join(partial, 'workflows/index.js');
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker');
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') });
  writeFileSync(join(partial, 'workflow-bundle.js'), withFinalNames(code));
}

/** The bundle and its inline source map name their files: stack traces must show dist, not where it was made. */
function withFinalNames(code) {
  const rename = (text) => text.replaceAll(basename(partial), basename(dist));
  return rename(code).replace(/(sourceMappingURL=data:[^,\n]*;base64,)([\w+/=]+)/, (_, head, map) => {
    return head + Buffer.from(rename(Buffer.from(map, 'base64').toString('utf8'))).toString('base64');
  });
}

function swapIn() {
  const old = `${dist}.old-${process.pid}`;
  for (let tries = 0; ; tries++) {
    try {
      if (existsSync(dist)) renameSync(dist, old);
      renameSync(partial, dist);
      break;
    } catch (error) {
      // Another build swaps at the same moment; ours is as good or newer.
      if (tries >= 5 || !['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(error.code)) throw error;
    } finally {
      rmSync(old, { recursive: true, force: true });
    }
  }
}

/** What builds that were killed left behind. */
function removeLeftovers() {
  for (const name of readdirSync(root)) {
    const pid = /^dist\.(?:partial|old)-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !pidIsAlive(Number(pid))) rmSync(join(root, name), { recursive: true, force: true });
  }
}

try {
  process.exitCode = await build();
} finally {
  rmSync(partial, { recursive: true, force: true });
}
