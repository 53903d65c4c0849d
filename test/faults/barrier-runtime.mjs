// What the barriers do, inside the worker. A barrier is a file in PGDRILL_TEST_BARRIERS: `<step>@<point>`. The first to come there renames
// it to `<step>@<point>.<pid>` (so that it holds nobody else) and waits until that file is gone.
import { appendFileSync, existsSync, readFileSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { Context } from '@temporalio/activity';

const directory = process.env.PGDRILL_TEST_BARRIERS;

/** The step that runs, or undefined outside of any. */
function running() {
  try {
    return Context.current();
  } catch {
    return undefined;
  }
}

/** @returns {string | undefined} the file that has to go before whoever is here may go on. */
function reach(point) {
  const step = running()?.info.activityType;
  if (step === undefined) return undefined;
  const barrier = join(directory, `${step}@${point}`);
  const reached = `${barrier}.${process.pid}`;
  try {
    renameSync(barrier, reached);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  }
  return reached;
}

/** A cancel ends the waiting: what is held stands for something that takes long and ends when it is told to. */
async function pass(point) {
  const barrier = reach(point);
  if (barrier === undefined) return;
  const { cancellationSignal } = Context.current();
  while (existsSync(barrier) && !cancellationSignal.aborted) await sleep(25);
}

/** Keeps a list of what was done, for tests that count. */
function note(what) {
  const { info } = running() ?? {};
  if (info === undefined) return;
  const { activityType: step, attempt, workflowExecution } = info;
  const line = { step, attempt, what, workflowId: workflowExecution?.workflowId, pid: process.pid };
  appendFileSync(join(directory, 'done.jsonl'), `${JSON.stringify(line)}\n`);
}

export function guard(name, real) {
  return async (...args) => {
    note(name);
    await pass(`${name}:before`);
    const result = await real(...args);
    await pass(`${name}:after`);
    return result;
  };
}

export function guardStep(real) {
  return (run) =>
    real(async (...args) => {
      await pass('begin');
      const result = await run(...args);
      await pass('end');
      return result;
    });
}

/** Runs the tool, then stays in its place until it may end. */
const linger = '"$@"; code=$?; : > "$0.done"; while test -e "$0"; do sleep 0.05; done; exit $code';

export function guardTool(real) {
  return async (run) => {
    const tool = basename(run.file);
    note(tool);
    const barrier = reach(tool);
    if (barrier !== undefined)
      return await real({ ...run, file: '/bin/sh', args: ['-c', linger, barrier, run.file, ...run.args] });
    // As slow as pg_basebackup can be asked to be: it stays in the middle of its copy, connected, until something ends it.
    const slow = tool === 'pg_basebackup' && reach(`${tool}:slow`) !== undefined;
    return await real(slow ? { ...run, args: [...run.args, '--max-rate=32'] } : run);
  };
}

// The clock of this host, for this process: shifted by as many milliseconds as the file says, as if it had jumped.
const jump = join(directory, 'clock');
const realNow = Date.now;
let [readAt, shift] = [0, 0];

function now() {
  const at = realNow();
  if (at - readAt > 50) {
    readAt = at;
    shift = existsSync(jump) ? Number(readFileSync(jump, 'utf8')) : 0;
  }
  return at + shift;
}

if (process.env.PGDRILL_TEST_CLOCK !== undefined) {
  globalThis.Date = new Proxy(Date, {
    construct: (real, args) => (args.length === 0 ? new real(now()) : new real(...args)),
    get: (real, name) => (name === 'now' ? now : real[name]),
  });
}
