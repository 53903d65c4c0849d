import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { WorkflowHandle } from '@temporalio/client';

import type { LoadedConfiguration } from '../../src/configuration/load.js';
import { makePrivateDirectory } from '../../src/files/durable.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import type { WorkflowProgress } from '../../src/schema/progress.js';
import { processesUnder } from '../support/leftovers.js';
import { configure } from '../support/pgdrill-config.js';
import { eventually, launchWorker, pgdrill, type Program } from '../support/programs.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { type BadDisk, makeBadDisk } from './bad-disk.js';
import type { Row } from './rows.js';
import { makeSmallDisk, type SmallDisk } from './small-disk.js';
import { makeStandby, type Standby } from '../support/standby.js';
import type { FragileTemporal } from './temporal-server.js';

/** What a cell needs beside a source with a full backup and a worker. */
export interface Props {
  smallDisk?: 'repository' | 'sandboxes';
  badDisk?: 'repository' | 'sandboxes';
  standby?: true;
  clock?: true;
}

/** One thing that a worker did, as barrier-runtime.mjs notes it. */
export interface Done {
  step: string;
  attempt: number;
  what: string;
  workflowId: string;
  pid: number;
}

/** Everything that a cell happens on: servers, workers and directories of its own, so that cells run side by side. */
export class Scene {
  readonly workers: Program[] = [];
  disk: SmallDisk | undefined;
  badDisk: BadDisk | undefined;
  standby: Standby | undefined;
  handle!: WorkflowHandle;
  private runs = 0;

  private constructor(
    readonly temporal: FragileTemporal,
    readonly shop: ProtectedCluster,
    readonly loaded: LoadedConfiguration,
    readonly row: Row,
    /** What the cluster had before the run. */
    readonly fullBackup: BackupRecord,
    private readonly barriers: string,
    private readonly props: Props,
  ) {}

  static async set(temporal: FragileTemporal, row: Row, props: Props): Promise<Scene> {
    const shop = await protectCluster();
    try {
      await shop.sql('create table orders (id int primary key); insert into orders select generate_series(1, 2000)');
      const { sandboxDirectory } = shop.patient;
      // The WAL from before goes into the repository first: nobody may write there while it moves.
      await shop.archive();
      const disk =
        props.smallDisk === undefined
          ? undefined
          : await makeSmallDisk(props.smallDisk === 'repository' ? shop.patient.repository : sandboxDirectory);
      const full = await shop.backup('full');
      await shop.sql('insert into orders select generate_series(2001, 2500)');
      await shop.archive();
      const barriers = join(shop.scratch, 'barriers');
      await makePrivateDirectory(barriers);
      const scene = new Scene(temporal, shop, await configure(shop), row, full, barriers, props);
      scene.disk = disk;
      if (props.badDisk !== undefined) scene.badDisk = await makeBadDisk(shop.scratch, scene.pathOf(props.badDisk));
      if (props.standby === true) scene.standby = await makeStandby(shop);
      await scene.startWorker();
      return scene;
    } catch (error) {
      await shop.remove();
      throw error;
    }
  }

  /** Another worker process; the newest is the last of `workers`. */
  async startWorker(): Promise<Program> {
    const worker = await launchWorker(this.loaded.path, {
      ...this.temporal.env,
      NODE_OPTIONS: `--import=${join(import.meta.dirname, 'barriers.mjs')}`,
      PGDRILL_TEST_BARRIERS: this.barriers,
      ...this.badDisk?.env,
      ...(this.props.clock === true ? { PGDRILL_TEST_CLOCK: 'yes' } : {}),
    });
    this.workers.push(worker);
    return worker;
  }

  /** Has the janitor look around, without its grace for runs that have just ended. */
  async sweep(): Promise<void> {
    const { exitCode, stderr } = await pgdrill(['janitor', '--yes', '--grace', '0s', '--json'], {
      env: { ...this.temporal.env, PGDRILL_CONFIG: this.loaded.path },
    });
    if (exitCode !== 0) throw new Error(`the janitor failed: ${stderr}`);
  }

  async start(input: Record<string, unknown> = this.row.input, timeoutMs?: number): Promise<WorkflowHandle> {
    const { workflow } = this.row;
    this.runs += 1;
    return await this.temporal.client.workflow.start(workflow, {
      workflowId: `${workflow}-${this.loaded.configuration.temporal.task_queue}-${this.runs}`,
      taskQueue: this.loaded.configuration.temporal.task_queue,
      ...(timeoutMs === undefined ? {} : { workflowExecutionTimeout: timeoutMs }),
      args: [{ cluster: 'shop', ...input, ...(workflow === 'recover' ? { into: this.into(this.runs) } : {}) }],
    });
  }

  /** The data directory of the n-th recovery. */
  into(run = 1): string {
    return join(this.shop.scratch, `recovered-${run}`);
  }

  /** Where a run has its files; a recovery restores to a place of its own. */
  private pathOf(disk: 'repository' | 'sandboxes'): string {
    const { repository, sandboxDirectory } = this.shop.patient;
    if (disk === 'repository') return repository;
    return this.row.workflow === 'recover' ? this.into() : sandboxDirectory;
  }

  /** Makes the next to come to this point of a step, by default the row's, wait there. */
  arm(point: string, activity = this.row.activity ?? ''): void {
    writeFileSync(join(this.barriers, `${activity}@${point}`), '');
  }

  /** @returns the barrier file of one that waits at this point, once one does. */
  async reached(point: string): Promise<string> {
    const prefix = `${this.row.activity ?? ''}@${point}.`;
    return await eventually(`${prefix} to be reached`, async () => {
      const name = readdirSync(this.barriers).find((each) => each.startsWith(prefix) && !each.endsWith('.done'));
      if (name !== undefined) return join(this.barriers, name);
      await this.failWhenOver();
      return undefined;
    });
  }

  /** The barrier at which this worker waits. */
  barrierOf(point: string, pid: number, activity = this.row.activity ?? ''): string | undefined {
    const barrier = join(this.barriers, `${activity}@${point}.${pid}`);
    return existsSync(barrier) ? barrier : undefined;
  }

  /** Waits at the gate. */
  async atGate(): Promise<void> {
    await eventually('the gate', async () => {
      const { waiting } = await this.handle.query<WorkflowProgress>('progress');
      return waiting === undefined ? undefined : true;
    });
  }

  private async failWhenOver(): Promise<void> {
    const { status } = await this.handle.describe();
    if (status.name !== 'RUNNING')
      throw new Error(`over (${status.name}) before it could be held: ${await this.why()}`);
  }

  private async why(): Promise<string> {
    return await this.handle.result().then(
      (result) => JSON.stringify(result),
      (error: unknown) => (error instanceof Error ? `${error.message}: ${String(error.cause)}` : String(error)),
    );
  }

  /** Whoever waits at this barrier goes on. */
  letGo(barrier: string): void {
    rmSync(barrier, { force: true });
  }

  /** Whoever waits anywhere goes on; whoever comes later is not held. */
  release(except: readonly string[] = []): void {
    const barriers = readdirSync(this.barriers).filter((name) => name.includes('@'));
    for (const barrier of barriers.map((name) => join(this.barriers, name)))
      if (!except.includes(barrier)) rmSync(barrier, { force: true });
  }

  /** The process group of the tool that waits at a barrier: it has done its work, and is still there. */
  async heldTool(barrier: string): Promise<number> {
    return await eventually('the tool', () => {
      if (!existsSync(`${barrier}.done`)) return undefined;
      const shells = processesUnder(barrier).filter(({ command }) => command.startsWith('/bin/sh -c'));
      return shells.length === 0 ? undefined : Math.min(...shells.map(({ pid }) => pid));
    });
  }

  /** Shifts the clock of the workers' host. */
  jumpClock(milliseconds: number): void {
    writeFileSync(join(this.barriers, 'clock'), String(milliseconds));
  }

  done(): Done[] {
    const path = join(this.barriers, 'done.jsonl');
    if (!existsSync(path)) return [];
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Done);
  }

  /** The data directory of the sandbox (or recovery) that stands here now. */
  dataDirectory(): string {
    if (this.row.workflow === 'recover') return this.into();
    const [name] = readdirSync(this.shop.patient.sandboxDirectory).filter((each) => !each.startsWith('.'));
    return join(this.shop.patient.sandboxDirectory, name ?? 'none', 'data');
  }

  async strikeSet(): Promise<void> {
    for (const worker of this.workers) await worker.kill('SIGKILL');
    await this.standby?.remove();
    this.disk?.unmount();
    this.badDisk?.remove();
    for (let run = 1; run <= this.runs; run += 1) await rm(this.into(run), { recursive: true, force: true });
    await this.shop.remove();
  }
}
