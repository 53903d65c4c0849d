// Runs a command of this checkout from wherever you are, after bringing dependencies and build in step with it:
//   node scripts/with-setup.mjs demo|test|test-rules|docs|silent-loss|guard-noise|bench-proof|bench-relations|bench-queue|pgdrill|build [arguments…]
// Plain JavaScript without dependencies, since it runs before there are any.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { runChild } from './run-child.mjs';
import { say, SetupError, setUp } from './setup.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const inRoot = (path) => join(root, path);

/** Each runs programs of this checkout, in order; the first that fails ends it. Those with `cwd` run in the checkout. */
const commands = {
  demo: (args) => [{ args: [inRoot('dist/src/cli/main.js'), 'demo', ...args] }],
  pgdrill: (args) => [{ args: [inRoot('dist/src/cli/main.js'), ...args] }],
  'silent-loss': (args) => [{ args: [inRoot('dist/scripts/silent-loss.js'), ...args] }],
  'guard-noise': (args) => [{ args: [inRoot('dist/scripts/guard-noise.js'), ...args] }],
  'bench-proof': (args) => [{ args: [inRoot('dist/scripts/bench-proof.js'), ...args] }],
  'bench-relations': (args) => [{ args: [inRoot('dist/scripts/bench-relations.js'), ...args] }],
  'bench-queue': (args) => [{ args: [inRoot('dist/scripts/bench-queue.js'), ...args] }],
  'test-rules': (args) => [{ args: [inRoot('dist/scripts/test-rules.js'), ...args], cwd: root }],
  docs: (args) => [{ args: [inRoot('dist/scripts/generate-docs.js'), ...args], cwd: root }],
  test: (args) => [
    ...(isUnitOnly(args) ? [] : [{ args: [inRoot('dist/scripts/install-toolchain.js')], cwd: root }]),
    { args: [inRoot('node_modules/vitest/vitest.mjs'), 'run', ...withoutLongOnes(args)], cwd: root },
  ],
};

/** The whole matrix of faults takes an hour, a long life many minutes: only when asked for (npm run test:faults, npm run test:life). */
function withoutLongOnes(args) {
  return args.some((arg) => arg.startsWith('--project')) ? args : ['--project=unit', '--project=real', ...args];
}

/** Unit tests touch neither PostgreSQL nor Temporal. */
function isUnitOnly(args) {
  const projects = args.flatMap((arg, at) =>
    arg === '--project' ? [args[at + 1]] : (/^--project=(.*)$/.exec(arg)?.[1] ?? []),
  );
  return projects.length > 0 && projects.every((project) => project === 'unit');
}

async function main([command = '', ...args]) {
  assertNodeVersion();
  if (command === 'build') {
    await setUp(root);
    return 0;
  }
  if (!Object.hasOwn(commands, command)) {
    throw new SetupError(
      `There is no command ${JSON.stringify(command)}.\n  To do: node scripts/with-setup.mjs ${[...Object.keys(commands), 'build'].join('|')} [arguments…]`,
      64,
    );
  }
  await setUp(root);
  for (const { args: programArgs, cwd } of commands[command](args)) {
    const { exitCode } = await runChild(process.execPath, programArgs, { cwd });
    if (exitCode !== 0) return exitCode;
  }
  return 0;
}

function assertNodeVersion() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new SetupError(
    `This is Node.js ${process.versions.node}; pgdrill needs 20.19 or newer.\n  To do: install a newer one (https://nodejs.org).`,
  );
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.exitCode = error.exitCode;
}
