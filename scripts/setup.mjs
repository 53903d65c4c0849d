import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

import { giveToOwner } from './owner.mjs';
import { runChild } from './run-child.mjs';
import { withSetupLock } from './setup-lock.mjs';
import { hashOfFile, hashOfSources, readStamp, writeStamp } from './stamp.mjs';

const sayEveryMs = 10_000;

/** Progress goes to standard error: standard output belongs to the command. */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/** A set-up that cannot go on: the message is for people, the exit code for the caller. */
export class SetupError extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * Brings dependencies and build in step with the checkout. Where they are, this takes a moment and writes nothing.
 *
 * @param {string} root the checkout
 * @throws {SetupError}
 */
export async function setUp(root) {
  if (dependenciesInStep(root) && buildInStep(root)) return;
  try {
    await withSetupLock(join(root, '.pgdrill-setup.lock'), say, async () => {
      if (!dependenciesInStep(root)) await installDependencies(root);
      if (!buildInStep(root)) await build(root);
    });
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EROFS'].includes(error.code)) throw error;
    throw new SetupError(
      `This checkout is not set up, and you may not write to it (${error.path ?? root}: ${error.code}).\n` +
        `  To do: run \`npm ci && npm run build\` in ${root} as the user that owns it, or copy it to a place of your own.`,
    );
  }
}

function dependenciesInStep(root) {
  const stampPath = join(root, 'node_modules/.pgdrill-stamp');
  const wanted = hashOfFile(join(root, 'package-lock.json'));
  if (readStamp(stampPath) === wanted) return true;
  if (!installedByHand(root)) return false;
  try {
    writeStamp(stampPath, wanted);
  } catch {
    // Somebody else's checkout: next time it is compared again.
  }
  return true;
}

/** Somebody ran `npm install`: npm wrote down what it put there, which may be just what the lock file says. */
function installedByHand(root) {
  const wanted = packagesIn(join(root, 'package-lock.json'));
  const installed = packagesIn(join(root, 'node_modules/.package-lock.json'));
  if (installed === undefined || wanted === undefined) return false;
  const same = (path) => installed[path]?.version === wanted[path]?.version;
  // Optional ones are left out where they do not fit the machine.
  const needed = Object.keys(wanted).filter((path) => path !== '' && !wanted[path].optional);
  return needed.every(same) && Object.keys(installed).every(same);
}

function packagesIn(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

async function installDependencies(root) {
  const cache = homeIsWritable() ? undefined : mkdtempSync(join(tmpdir(), 'pgdrill-npm-'));
  // The build needs the development dependencies, also where NODE_ENV says production.
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', ...(cache === undefined ? [] : ['--cache', cache])];
  try {
    await step('installing dependencies (npm ci)', root, 'npm', args, {
      failure: 'The dependencies could not be installed. npm needs access to its registry; its message is above.',
    });
  } finally {
    if (cache !== undefined) rmSync(cache, { recursive: true, force: true });
  }
  writeStamp(join(root, 'node_modules/.pgdrill-stamp'), hashOfFile(join(root, 'package-lock.json')));
  giveToOwner(root, join(root, 'node_modules'));
}

/** npm keeps a cache at home; service users such as `nobody` have none. */
function homeIsWritable() {
  try {
    accessSync(homedir(), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function buildInStep(root) {
  return readStamp(join(root, 'dist/.pgdrill-stamp')) === hashOfSources(root);
}

async function build(root) {
  await step('building', root, process.execPath, [join(root, 'scripts/build.mjs')], {
    failure: 'The build failed; its messages are above.',
  });
}

/** Runs one slow program: says what, every ten seconds for how long, and shows its output only when it fails. */
async function step(what, root, file, args, { failure }) {
  const startedAt = Date.now();
  const elapsed = () => `${Math.round((Date.now() - startedAt) / 1000)} s`;
  say(`pgdrill: ${what} …`);
  const timer = setInterval(() => say(`pgdrill: ${what}, ${elapsed()} so far`), sayEveryMs);
  try {
    const { exitCode, signalled, output } = await runChild(file, args, { cwd: root, quiet: true });
    if (exitCode !== 0 && signalled) throw new SetupError(`Stopped while ${what}.`, exitCode > 128 ? exitCode : 130);
    if (exitCode !== 0) throw new SetupError(`${output.trimEnd()}\n\n${failure}`);
    say(`pgdrill: ${what}: done in ${elapsed()}`);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    throw new SetupError(
      `${file} is not on PATH.\n  To do: install Node.js with npm (https://nodejs.org), 20.19 or newer.`,
    );
  } finally {
    clearInterval(timer);
  }
}
