import { clusterOf } from '../src/configuration/cluster.js';
import { beyond } from '../src/hand-over/beyond.js';
import { giveBack, handOver } from '../src/hand-over/hand-over.js';
import { listBackups, openRepository } from '../src/repository/repository.js';
import type { HandOver, SettingsMode } from '../src/schema/hand-over.js';
import type { Opened, Plan, Replay, Sandbox } from '../src/schema/results.js';
import { shellWord } from '../src/schema/shell-word.js';
import type { Dependencies } from './dependencies.js';
import { toolsOfSandbox } from './sandbox-tools.js';
import { type Step, step } from './step.js';

interface HandOverInput {
  sandbox: Sandbox;
  /** Those from here on are absent where an earlier pgdrill ordered this step. */
  cluster?: string;
  plan?: Plan;
  replay?: Replay;
  opened?: Opened;
  settings?: SettingsMode;
}

/** Hand-over of a recovery: stopped cleanly, with the settings that it is to start with, and a sheet for who takes over. */
export const createHandOver = (dependencies: Dependencies): Step<HandOverInput, HandOver | string[]> =>
  step(async (input: HandOverInput, context): Promise<HandOver | string[]> => {
    const { sandbox, plan, replay, opened, settings = 'production' } = input;
    const tools = await toolsOfSandbox(dependencies, sandbox);
    if (input.cluster === undefined || plan === undefined || replay === undefined || opened === undefined) {
      await giveBack(tools, sandbox, settings, undefined);
      return [`Start it: pg_ctl start -D ${shellWord(sandbox.dataDirectory)}`];
    }
    const cluster = clusterOf(dependencies.loaded, input.cluster);
    // A repository that is gone by now costs the sheet what it would have told, not the recovery.
    const backups = await openRepository(cluster)
      .then(listBackups)
      .catch(() => []);
    const backup = backups.find(({ id }) => id === plan.chain.at(-1)?.id);
    const { walDirectory } = cluster;
    const leftOut = await beyond(
      tools,
      { backups, walDirectory, timeline: plan.target.timeline, reachedLsn: replay.reachedLsn },
      context.signal,
    );
    return await handOver(tools, {
      ...{ sandbox, settings, walDirectory, replay, backup, leftOut },
      cluster: cluster.name,
      target: plan.target,
      timeline: opened.timeline,
      seen: opened.seen,
    });
  });
