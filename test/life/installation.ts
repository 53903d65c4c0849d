import { applyChange } from '../../src/client/schedules/apply.js';
import { planChanges } from '../../src/client/schedules/plan.js';
import { readSchedules } from '../../src/client/schedules/read.js';
import { triggerNow } from '../../src/client/schedules/trigger.js';
import type { ScheduleKind } from '../../src/client/schedules/wish.js';
import { wishedSchedules } from '../../src/client/schedules/wished.js';
import type { LoadedConfiguration } from '../../src/configuration/load.js';
import { BusyError } from '../../src/errors.js';
import { configure } from '../support/pgdrill-config.js';
import { eventually, pgdrill } from '../support/programs.js';
import type { ProtectedCluster } from '../support/protected-cluster.js';
import { type RunningWorker, startTestTemporal, startWorker, type TestTemporal } from '../support/temporal.js';

/** pgdrill as it is installed: a configuration, its schedules in a real Temporal, and a worker. */
export class Installation {
  private constructor(
    readonly shop: ProtectedCluster,
    readonly temporal: TestTemporal,
    readonly loaded: LoadedConfiguration,
    readonly worker: RunningWorker,
  ) {}

  /** @param cluster YAML of the cluster, unindented. */
  static async open(shop: ProtectedCluster, cluster: string): Promise<Installation> {
    const temporal = await startTestTemporal();
    try {
      const loaded = await configure(shop, { cluster });
      const env = { ...temporal.env, PGDRILL_CONFIG: loaded.path };
      const { exitCode, stderr } = await pgdrill(['policies', 'apply', '--yes'], { env });
      if (exitCode !== 0) throw new Error(`pgdrill policies apply: ${stderr}`);
      return new Installation(shop, temporal, loaded, await startWorker(temporal, loaded));
    } catch (error) {
      await temporal.stop();
      throw error;
    }
  }

  /** What somebody does who has changed pgdrill.yaml: the worker gets to read it, and the schedules are brought in step. */
  async configure(cluster: string): Promise<void> {
    const { queue } = this;
    Object.assign(this.loaded, await configure(this.shop, { cluster, queue }));
    const wishes = wishedSchedules(this.loaded.configuration);
    const { client } = this.temporal;
    for (const change of planChanges(wishes, await readSchedules(client, wishes, queue), queue))
      await applyChange(client, change, queue);
  }

  /** Triggers a schedule. @returns what its run answered, when it is over. */
  async trigger<Answer>(kind: ScheduleKind, name?: string): Promise<Answer> {
    const wish = wishedSchedules(this.loaded.configuration).find((each) => each.kind === kind && each.name === name);
    if (wish === undefined) throw new Error(`there is no schedule ${kind} ${name ?? ''}`);
    // That its last run is over, a schedule learns a moment later.
    const id = await eventually(`${wish.id} to start`, () =>
      triggerNow(this.temporal.client, wish, this.queue).catch((error: unknown) => {
        if (error instanceof BusyError) return undefined;
        throw error;
      }),
    );
    return (await this.temporal.client.workflow.getHandle(id).result()) as Answer;
  }

  async close(): Promise<void> {
    await this.worker.stop();
    await this.temporal.stop();
  }

  private get queue(): string {
    return this.loaded.configuration.temporal.task_queue;
  }
}
