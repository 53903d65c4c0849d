import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { expect } from 'vitest';

import { listBackups } from '../../src/repository/repository.js';
import type { WorkflowProgress } from '../../src/schema/progress.js';
import { eventually } from '../support/programs.js';
import { evidenceOf } from './evidence-of.js';
import type { Fault } from './fault.js';
import { activitiesOf } from './history.js';
import type { Row, RowName } from './rows.js';
import type { Scene } from './scene.js';

/** A place where a step meets a disk: where it is held before, and the program that does the work from there on. */
interface Meeting {
  point: string;
  /** Its name as the system has it; `node` is pgdrill itself. */
  by: string;
  /** What of the disk is bad; all of it where absent. */
  part?: (scene: Scene) => string;
}

type Meetings = Partial<Record<RowName, Meeting>>;

const parentsFiles = ({ shop, fullBackup }: Scene): string =>
  join(shop.patient.repository, 'backups', fullBackup.id, 'data');
const archive = ({ shop }: Scene): string => shop.patient.walDirectory;

/** The backup that is being taken. */
const stagedFiles = ({ shop }: Scene): string => {
  const backups = join(shop.patient.repository, 'backups');
  return join(
    backups,
    readdirSync(backups).find((name) => /\.partial-\d+$/.test(name))!,
    'data',
  );
};

const readsBackup: Meeting = { point: 'verifyBackup:before', by: 'pg_verifybackup', part: stagedFiles };
const readsRepository: Meetings = {
  'archive check': { point: 'begin', by: 'node' },
  'base backup': readsBackup,
  incremental: { point: 'begin', by: 'pg_basebackup', part: parentsFiles },
  'LSN capture': { point: 'takeFence:before', by: 'pg_waldump', part: archive },
  plan: { point: 'resolveTarget:before', by: 'pg_waldump', part: archive },
  'restore preparation': { point: 'verifyBackup:before', by: 'pg_verifybackup' },
  replay: { point: 'launchInstance:before', by: 'cp' },
  validation: { point: 'begin', by: 'node' },
  recording: { point: 'begin', by: 'node' },
  'backup: base backup': readsBackup,
  'recover: restore preparation': { point: 'combineBackups:before', by: 'pg_combinebackup' },
  'recover: replay': { point: 'launchInstance:before', by: 'cp' },
};

const writesBackup: Meeting = { point: 'runBaseBackup:before', by: 'pg_basebackup', part: stagedFiles };
const writesRepository: Meetings = {
  'base backup': writesBackup,
  incremental: writesBackup,
  'LSN capture': { point: 'takeFence:after', by: 'node' },
  recording: { point: 'begin', by: 'node' },
  'backup: base backup': writesBackup,
};

const worksOnRepository: Meetings = {
  ...readsRepository,
  ...{ 'base backup': writesBackup, incremental: writesBackup, 'backup: base backup': writesBackup },
};

const restoredFiles = (scene: Scene): string => scene.dataDirectory();
const controlFile = (scene: Scene): string => join(scene.dataDirectory(), 'global');
const wal = (scene: Scene): string => join(scene.dataDirectory(), 'pg_wal');
const tables = (scene: Scene): string => join(scene.dataDirectory(), 'base');

const readsSandbox: Meetings = {
  'restore preparation': { point: 'combineBackups:after', by: 'pg_controldata' },
  replay: { point: 'launchInstance:before', by: 'postgres', part: controlFile },
  validation: { point: 'begin', by: 'postgres', part: tables },
  'recover: replay': { point: 'launchInstance:before', by: 'postgres', part: controlFile },
};

const combines: Meeting = { point: 'combineBackups:before', by: 'pg_combinebackup', part: restoredFiles };
const writesSandbox: Meetings = {
  'restore preparation': combines,
  replay: { point: 'launchInstance:before', by: 'postgres' },
  open: { point: 'waitUntilReady:after', by: 'postgres' },
  validation: { point: 'checkStructure:before', by: 'postgres' },
  'recover: restore preparation': combines,
  'recover: replay': { point: 'launchInstance:before', by: 'postgres' },
  'recover: open': { point: 'waitUntilReady:after', by: 'postgres' },
  'recover: hand-over': { point: 'begin', by: 'postgres' },
};

/** What the step itself waits for, not what its server does beside it. */
const promotes: Meeting = { point: 'waitUntilReady:after', by: 'postgres', part: wal };
const worksOnSandbox: Meetings = {
  ...writesSandbox,
  ...readsSandbox,
  ...{ 'restore preparation': combines, 'recover: restore preparation': combines },
  ...{ open: promotes, 'recover: open': promotes },
};

const removesSandbox: Meetings = { 'clean-up': { point: 'stopInstance:after', by: 'node' } };

/** Longer than Temporal waits for a heartbeat: a step that stands still with its disk would be given to another worker. */
const stallMs = process.env['PGDRILL_FAULTS_WHOLE'] === undefined ? 0 : 17_000;

export const diskFaults: readonly Fault[] = [
  ioError('repository I/O error, reading', 'repository', 'reads', readsRepository),
  ioError('repository I/O error, writing', 'repository', 'writes', writesRepository),
  ioError('sandbox I/O error, reading', 'sandboxes', 'reads', readsSandbox),
  ioError('sandbox I/O error, writing', 'sandboxes', 'writes', writesSandbox),
  {
    ...ioError('sandbox I/O error, removing', 'sandboxes', 'removals', removesSandbox),
    // What was judged before stands; what is left over makes the run red.
    ending: () => ({ failed: 'StorageError', verdict: 'passed' }),
    leavesToJanitor: true,
  },
  slow('slow repository', 'repository', worksOnRepository),
  slow('slow sandbox disk', 'sandboxes', worksOnSandbox),
];

type Disk = 'repository' | 'sandboxes';

const meetingOf = (meetings: Meetings, row: Row): Meeting | undefined => meetings[row.name as RowName];

function whyNot(meetings: Meetings, row: Row, why: string): string | undefined {
  if (meetingOf(meetings, row) !== undefined) return undefined;
  return row.activity === undefined ? 'no step runs at a gate' : why;
}

/** A recovery that has something to lose stops at a gate, and goes on when its disk is mended. */
const waitsForFix = ({ workflow, activity }: Row): boolean => workflow === 'recover' && activity !== 'prepareRestore';

function ioError(name: string, disk: Disk, kind: 'reads' | 'writes' | 'removals', meetings: Meetings): Fault {
  return {
    name,
    without: (row) => whyNot(meetings, row, `${kind} little or nothing there`),
    props: () => ({ badDisk: disk }),
    point: (row) => meetingOf(meetings, row)?.point,
    strike: async (scene) => {
      scene.badDisk!.fail([kind], meetingOf(meetings, scene.row)!.part?.(scene));
      scene.release();
      if (waitsForFix(scene.row)) await fixAtGate(scene);
    },
    ending: (row) => (waitsForFix(row) ? 'as ever' : { failed: errorOf(row), verdict: 'unproven' }),
    // A server that dies of it is started once more: then the disk says why.
    attempts: ({ activity }) => [1, activity === 'validateRestore' ? 2 : 1],
    afterwards: (scene, ended) => {
      expectHit(scene, meetings);
      if (ended.failure !== undefined) expectExplained(scene, ended.failure.message);
      return Promise.resolve();
    },
  };
}

/** The archive check lists what is wrong with a cluster. */
const errorOf = ({ activity }: Row): string => (activity === 'checkArchive' ? 'SourceNotReadyError' : 'StorageError');

/** The gate says what is wrong with which disk; then somebody mends it. */
async function fixAtGate(scene: Scene): Promise<void> {
  const question = await eventually('gate fix', async () => {
    const { waiting } = await scene.handle.query<WorkflowProgress>('progress');
    return waiting?.gate === 'fix' ? waiting.question : undefined;
  });
  expectExplained(scene, question);
  scene.badDisk!.mend();
  await scene.handle.signal('approve', { gate: 'fix', by: 'the test' });
}

/** It names the disk by something that lies on it, what is wrong with it, and what to do. */
function expectExplained(scene: Scene, message: string): void {
  expect(message).toContain(scene.badDisk!.directory);
  expect(message).toMatch(/I\/O error[^]*To do: /i);
}

function expectHit(scene: Scene, meetings: Meetings): void {
  const hits = scene.badDisk!.hits();
  expect(
    hits.map((line) => line.split(' ')[0]),
    hits.join('\n'),
  ).toContain(meetingOf(meetings, scene.row)!.by);
}

function slow(name: string, disk: Disk, meetings: Meetings): Fault {
  return {
    name,
    without: (row) => whyNot(meetings, row, 'works little or not at all there'),
    props: () => ({ badDisk: disk }),
    point: (row) => meetingOf(meetings, row)?.point,
    strike: async (scene, barrier) => {
      scene.badDisk!.slowDown({ perCallMs: 1, onceMs: stallMs }, meetingOf(meetings, scene.row)!.part?.(scene));
      scene.arm('end');
      scene.letGo(barrier);
      await scene.reached('end');
      scene.badDisk!.mend();
      scene.release();
    },
    // However slow the disk, its step goes on and is not taken for dead. A session that takes longer than 15 s to begin is tried once more.
    attempts: ({ activity }) => [1, activity === 'validateRestore' ? 2 : 1],
    afterwards: async (scene) => {
      expectHit(scene, meetings);
      await expectShown(scene);
    },
  };
}

const phasesOf: Record<string, readonly string[]> = {
  planRestore: ['plan'],
  prepareRestore: ['fetch', 'verify', 'combine'],
  replayWal: ['replay'],
  openSandbox: ['open'],
  validateRestore: ['validate'],
};

/** What one process has waited for the disk is in the figures of the step that ran it. */
async function expectShown(scene: Scene): Promise<void> {
  const { badDisk, handle, row, shop } = scene;
  const waited = badDisk!.longestWaitSeconds();
  expect(waited, 'seconds that the disk took').toBeGreaterThan(stallMs / 1_000);
  const step = (await activitiesOf(handle)).find(({ activity }) => activity === row.activity)!;
  expect(step.endedAt - step.startedAt, 'the step').toBeGreaterThan(waited);
  if (row.activity!.startsWith('take'))
    expect((await listBackups(shop.repository)).at(-1)!.durationMs / 1_000, 'the backup').toBeGreaterThan(waited);
  const names = phasesOf[row.activity!];
  if (names === undefined) return;
  const phases = (await evidenceOf(scene))!.clock.phases.filter(({ name }) => names.includes(name));
  expect(Math.max(...phases.map(({ seconds }) => seconds)), 'a phase of the step').toBeGreaterThan(waited);
}
