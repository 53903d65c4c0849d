import { setTimeout as sleep } from 'node:timers/promises';

import { expect } from 'vitest';

import { signalGroup } from '../../src/process/kill-group.js';
import { treeOf } from '../../src/process/process-tree.js';
import { eventually } from '../support/programs.js';
import { crashSource } from '../support/crash.js';
import { diskFaults } from './disk-faults.js';
import type { Fault } from './fault.js';
import { pendingAttempt } from './history.js';
import type { Row } from './rows.js';
import { cutConnections, postmasterOf } from './source.js';

/** One column of the matrix. */
const fault = (each: Fault): Fault => each;

const always = (): undefined => undefined;
const middle = (row: Row): string | undefined => row.middle;
/** Before it writes anything; the capture first waits for WAL, which a full repository keeps out (the source says so then). */
const beforeWriting = (row: Row): string | undefined => (row.activity === 'captureLsn' ? row.middle : 'begin');
/** What a recovery opens is somebody's data from then on: the janitor reports it, and leaves it (test/janitor). */
const whereKept = (row: Row): string | undefined =>
  row.workflow === 'recover' && (row.activity === 'openSandbox' || row.activity === 'handOver')
    ? 'what was recovered is kept, and reported'
    : undefined;
const nothingRuns = 'no step runs at a gate';

/** A step that is tried again; at a gate nothing has to be. */
const again = (row: Row): [number, number] => (row.activity === undefined ? [1, 1] : [2, 2]);

/** How long Temporal does not answer. Longer than the heartbeat timeout of 15 s, so that it gives up on the step. */
export function unreachableSeconds(): number {
  return process.env['PGDRILL_FAULTS_WHOLE'] === undefined ? 18 : 120;
}

export const faults: readonly Fault[] = [
  fault({
    name: 'worker kill -9',
    without: always,
    point: middle,
    strike: async (scene) => {
      await scene.workers[0]!.kill('SIGKILL');
      scene.release();
      await scene.startWorker();
    },
    attempts: again,
  }),
  fault({
    name: 'worker kill -9, work done but not reported',
    without: (row) => (row.activity === undefined ? nothingRuns : undefined),
    point: () => 'end',
    strike: async (scene) => {
      await scene.workers[0]!.kill('SIGKILL');
      scene.release();
      await scene.startWorker();
    },
    attempts: again,
    afterwards: (scene) => {
      const { once, activity } = scene.row;
      if (once !== undefined)
        expect(scene.done().filter(({ what, step }) => what === once && step === activity)).toHaveLength(1);
      return Promise.resolve();
    },
  }),
  fault({
    name: 'worker SIGTERM',
    without: always,
    point: middle,
    strike: async (scene) => {
      expect(await scene.workers[0]!.kill('SIGTERM')).toBe(0);
      scene.release();
      await scene.startWorker();
    },
    // A step that is nearly done may end within the grace.
    attempts: (row) => (row.activity === undefined ? [1, 1] : [1, 2]),
  }),
  fault({
    name: 'slow worker: late result',
    without: (row) => (row.activity === undefined ? nothingRuns : undefined),
    point: middle,
    strike: async (scene) => {
      const [first] = scene.workers;
      const second = await scene.startWorker();
      process.kill(first!.pid, 'SIGSTOP');
      // Where the next attempt need not wait for the first to go, it is in the middle of the same step when the first comes back.
      const { activity, middle: point } = scene.row;
      const waits = activity!.startsWith('take');
      if (!waits) scene.arm(point!);
      const waiting = await eventually(
        'the next attempt',
        async () => {
          if (waits) return (await pendingAttempt(scene.handle, activity!)) >= 2 ? '' : undefined;
          // What the first has done already, such as starting a server, the next does not do again: then it may be over.
          const over = (await scene.handle.describe()).status.name !== 'RUNNING';
          return over ? '' : scene.barrierOf(point!, second.pid);
        },
        150,
      );
      scene.release([waiting]);
      process.kill(first!.pid, 'SIGCONT');
      // Told to stop, it ends once it has nothing to do any more.
      expect(await first!.kill('SIGTERM')).toBe(0);
      scene.release();
    },
    // A stopped process keeps its polls open: the server may hand it an attempt that nobody begins.
    attempts: () => [2, 7],
    // The same goes for the steps that come next, while it is stopped: Temporal takes them back when no heartbeat comes.
    repeatsOthers: () => /heartbeat timeout/i,
  }),
  fault({
    name: 'slow worker: late, its work done',
    without: (row) => (row.activity === undefined ? nothingRuns : undefined),
    point: (row) => row.renamed ?? 'end',
    strike: async (scene) => {
      const [first] = scene.workers;
      const second = await scene.startWorker();
      process.kill(first!.pid, 'SIGSTOP');
      // It comes back when the run has long gone on: a server runs on what it thinks is its own to finish, or all is over.
      const later = ['launchInstance:after', 'replayWal'] as const;
      const isBefore = scene.row.renamed !== undefined;
      if (isBefore) scene.arm(...later);
      const waiting = await eventually(
        'the run to go on without it',
        async () => {
          if ((await scene.handle.describe()).status.name !== 'RUNNING') return '';
          return isBefore ? scene.barrierOf(later[0], second.pid, later[1]) : undefined;
        },
        150,
      );
      scene.release([waiting]);
      process.kill(first!.pid, 'SIGCONT');
      expect(await first!.kill('SIGTERM')).toBe(0);
      scene.release();
    },
    attempts: () => [2, 7],
    repeatsOthers: () => /heartbeat timeout/i,
  }),
  fault({
    name: 'Temporal kill -9 and restart',
    without: always,
    ownTemporal: true,
    point: middle,
    strike: async (scene) => {
      await scene.temporal.kill();
      scene.release();
      await sleep(1_000); // what the step has to report comes while nobody is there
      await scene.temporal.restart();
    },
    attempts: (row) => (row.activity === undefined ? [1, 1] : [1, 2]),
  }),
  fault({
    name: 'Temporal unreachable',
    without: always,
    ownTemporal: true,
    point: middle,
    strike: async (scene) => {
      scene.temporal.freeze();
      scene.release();
      await sleep(unreachableSeconds() * 1_000);
      scene.temporal.thaw();
    },
    attempts: (row) => (row.activity === undefined ? [1, 1] : [1, 3]),
  }),
  fault({
    name: 'source crash',
    without: always,
    point: (row) => row.connected ?? row.middle,
    strike: async (scene) => {
      await crashSource(scene.shop);
      scene.release();
      await sleep(5_000); // longer than three tries take
      await scene.shop.source.start();
    },
    attempts: (row) => (row.connected === undefined ? [1, 1] : [2, 5]),
  }),
  fault({
    name: 'source immediate shutdown',
    without: (row) => (row.connected === undefined ? 'not connected to the source; see source crash' : undefined),
    point: (row) => row.connected,
    strike: async (scene) => {
      await scene.shop.source.stop('immediate');
      await scene.shop.source.start();
      scene.release();
    },
    attempts: () => [2, 3],
  }),
  fault({
    name: 'source restart',
    without: (row) => (row.connected === undefined ? 'not connected to the source; see source crash' : undefined),
    point: (row) => row.connected,
    strike: async (scene) => {
      await scene.shop.source.restart();
      scene.release();
    },
    attempts: () => [2, 3],
  }),
  fault({
    name: 'connection cut',
    without: (row) => (row.connected === undefined ? 'not connected to the source' : undefined),
    point: (row) => row.connected,
    strike: async (scene) => {
      await eventually('a connection to cut', async () => ((await cutConnections(scene.shop)) > 0 ? true : undefined));
      scene.release();
    },
    attempts: () => [2, 3],
  }),
  fault({
    name: 'failover to a new timeline',
    without: always,
    props: () => ({ standby: true }),
    point: (row) => row.connected ?? row.middle,
    strike: async (scene) => {
      await scene.standby!.takeOver();
      scene.release();
    },
    attempts: (row) => (row.connected === undefined ? [1, 1] : [2, 4]),
  }),
  fault({
    name: 'sandbox kill -9',
    without: (row) => (row.serverRuns === true ? undefined : 'no sandbox runs'),
    point: middle,
    strike: async (scene) => {
      const pid = await eventually('the sandbox’s server', () =>
        postmasterOf(scene.dataDirectory()).catch(() => undefined),
      );
      process.kill(pid, 'SIGKILL');
      scene.release();
    },
    attempts: (row) => (row.activity === 'validateRestore' ? [2, 2] : [1, 1]),
  }),
  fault({
    name: 'sandbox kill -9, just seen running',
    without: ({ activity = '' }) =>
      ['openSandbox', 'validateRestore'].includes(activity)
        ? undefined
        : 'does not wait for a server that it has not started',
    point: () => 'waitUntilReady:before',
    strike: async (scene) => {
      process.kill(await postmasterOf(scene.dataDirectory()), 'SIGKILL');
      scene.release();
    },
    attempts: () => [1, 1],
  }),
  fault({
    name: 'sandbox hangs (SIGSTOP)',
    without: (row) => (row.serverRuns === true ? undefined : 'no sandbox runs'),
    point: middle,
    strike: async (scene) => {
      const pid = await eventually('the sandbox’s server', () =>
        postmasterOf(scene.dataDirectory()).catch(() => undefined),
      );
      process.kill(pid, 'SIGSTOP'); // itself first: then it starts no more children
      for (const each of treeOf(pid)) process.kill(each, 'SIGSTOP');
      scene.release();
    },
    attempts: again,
    // At a gate nobody looks at it: the step that comes next finds out.
    repeatsOthers: (row) => (row.activity === undefined ? /stood still/ : undefined),
  }),
  fault({
    name: 'tool kill -9',
    without: (row) => (row.tool === undefined ? 'runs no tool' : undefined),
    point: (row) => row.tool,
    strike: async (scene, barrier) => {
      signalGroup(await scene.heldTool(barrier), 'SIGKILL');
      scene.release();
    },
    attempts: () => [2, 2],
  }),
  fault({
    name: 'tool hangs (SIGSTOP)',
    without: (row) => (row.tool === undefined ? 'runs no tool' : undefined),
    point: (row) => row.tool,
    strike: async (scene, barrier) => {
      signalGroup(await scene.heldTool(barrier), 'SIGSTOP');
      scene.release();
    },
    attempts: () => [2, 2],
  }),
  fault({
    name: 'repository disk full',
    without: (row) => (row.writes?.includes('repository') === true ? undefined : 'writes nothing there'),
    props: () => ({ smallDisk: 'repository' }),
    point: beforeWriting,
    strike: async (scene) => {
      await scene.disk!.fill();
      scene.release();
    },
    ending: () => ({ failed: 'DiskFullError' }),
    attempts: () => [1, 1],
  }),
  fault({
    name: 'sandbox disk full',
    without: (row) => (row.writes?.includes('sandboxes') === true ? undefined : 'writes nothing there'),
    props: () => ({ smallDisk: 'sandboxes' }),
    point: beforeWriting,
    strike: async (scene) => {
      await scene.disk!.fill();
      scene.release();
    },
    ending: () => ({ failed: 'DiskFullError', verdict: 'unproven' }),
    attempts: () => [1, 1],
  }),
  fault({
    name: 'repository read-only',
    without: (row) => (row.writes?.includes('repository') === true ? undefined : 'writes nothing there'),
    props: () => ({ smallDisk: 'repository' }),
    point: beforeWriting,
    strike: async (scene) => {
      await eventually('nobody to write', () => {
        try {
          scene.disk!.setReadOnly(true);
          return true;
        } catch {
          return undefined;
        }
      });
      scene.release();
    },
    ending: () => ({ failed: 'StorageError' }),
    attempts: () => [1, 1],
  }),
  ...diskFaults,
  fault({
    name: 'cancel',
    without: always,
    point: middle,
    strike: async (scene) => {
      await scene.handle.cancel();
      // Whoever is held goes on by the cancel; where it must not be heard, by this.
      if (heedsNoCancel(scene.row)) scene.release();
    },
    ending: (row) => (heedsNoCancel(row) ? 'as ever' : 'cancelled'),
    attempts: () => [1, 1],
  }),
  fault({
    name: 'terminate',
    without: whereKept,
    leavesToJanitor: true,
    point: middle,
    strike: async (scene) => {
      await scene.handle.terminate('the test');
      scene.release();
      await scene.workers[0]!.kill('SIGTERM');
      await scene.startWorker();
    },
    ending: () => 'terminated',
    attempts: () => [0, 1],
  }),
  fault({
    name: 'workflow time-out',
    without: whereKept,
    leavesToJanitor: true,
    workflowTimeoutMs: 60_000,
    point: middle,
    strike: async (scene) => {
      await eventually(
        'the time-out',
        async () => ((await scene.handle.describe()).status.name === 'RUNNING' ? undefined : true),
        120,
      );
      scene.release();
      await scene.workers[0]!.kill('SIGTERM');
      await scene.startWorker();
    },
    ending: () => 'timed out',
    attempts: () => [0, 1],
  }),
  fault({
    name: 'two at once',
    without: always,
    point: middle,
    strike: async (scene) => {
      // A backup beside a backup waits for its turn; everything else does not wait for the one that is held.
      const { workflow, input } = scene.row;
      const other = await scene.start(workflow === 'backup' ? input : workflow === 'drill' ? {} : { gates: [] });
      if (workflow !== 'backup') await other.result();
      scene.release();
      await other.result();
    },
    attempts: () => [1, 1],
  }),
  ...([3_600, -3_600] as const).map((seconds) =>
    fault({
      name: `clock of the worker’s host jumps ${seconds > 0 ? 'ahead' : 'back'} an hour`,
      without: always,
      props: () => ({ clock: true }),
      point: middle,
      strike: async (scene) => {
        scene.jumpClock(seconds * 1_000);
        await sleep(200);
        scene.release();
      },
      attempts: () => [1, 1],
      clockIsOff: true,
    }),
  ),
];

/** What runs when everything else is over is not cut short; a finished backup is not thrown away. */
function heedsNoCancel({ activity = '' }: Row): boolean {
  return ['recordObjectives', 'recordBackup', 'cleanUp', 'handOver'].includes(activity);
}
