import { Buffer } from 'node:buffer';
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** npm passes on what the terminal has already sent to everyone: the same signal twice at once is one. */
const sameSignalMs = 500;
/** How long the canary has to die of a signal that was meant for the whole group. */
const canaryMs = 200;

/**
 * Runs a program, and passes SIGINT and SIGTERM on to it exactly once, so that it can stop in its own way: a second one
 * means "at once" to many programs (vitest, pgdrill).
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, quiet?: boolean }} [options] quiet: keep the output instead of showing it
 * @returns {Promise<{ exitCode: number, signalled: boolean, output: string }>} 128 + n when it died of signal n
 */
export async function runChild(file, args, { cwd, env = process.env, quiet = false } = {}) {
  const stdio = quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit';
  const child = spawn(file, args, { cwd, env, stdio });
  const chunks = [];
  child.stdout?.on('data', (chunk) => chunks.push(chunk));
  child.stderr?.on('data', (chunk) => chunks.push(chunk));
  const signals = passSignalsTo(child);
  try {
    const [code, signal] = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (...ending) => resolve(ending));
    });
    const exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
    return { exitCode, signalled: signals.seen(), output: Buffer.concat(chunks).toString('utf8') };
  } finally {
    await signals.stop();
  }
}

/**
 * A terminal's Ctrl-C, `timeout` and `kill -- -group` signal the child too; `kill pid` signals only us. To tell them
 * apart, a canary lives in our group: `cat`, which ends with us. If it dies of the signal, the child has got it as well.
 */
function passSignalsTo(child) {
  let canary = startCanary();
  const lastAt = {};
  const pass = (signal) => {
    const now = Date.now();
    if (now - (lastAt[signal] ?? 0) < sameSignalMs) return;
    lastAt[signal] = now;
    setTimeout(() => {
      const reachedTheGroup = canary.signalCode === signal;
      if (reachedTheGroup) canary = startCanary();
      else child.kill(signal);
    }, canaryMs);
  };
  process.on('SIGINT', pass).on('SIGTERM', pass);
  return {
    seen: () => Object.keys(lastAt).length > 0,
    stop: async () => {
      process.off('SIGINT', pass).off('SIGTERM', pass);
      if (canary.pid === undefined || canary.exitCode !== null || canary.signalCode !== null) return;
      const gone = new Promise((resolve) => canary.once('exit', resolve));
      canary.ref(); // waited for, or it would stay as a zombie where init does not reap
      canary.kill('SIGKILL');
      await gone;
    },
  };
}

function startCanary() {
  const canary = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
  canary.on('error', () => undefined); // no cat: every signal is passed on
  canary.stdin.on('error', () => undefined);
  canary.stdin.unref();
  canary.unref();
  return canary;
}
