import { replayWal } from '../src/restore/replay.js';
import { onWatchedServer } from '../src/restore/watch-server.js';
import type { Plan, Replay, Sandbox } from '../src/schema/results.js';
import type { Dependencies } from './dependencies.js';
import { toolsOfSandbox } from './sandbox-tools.js';
import { phaseUntilNow, type Step, step } from './step.js';

/** Replay: start the sandbox, replay to the target, pause there. */
export const createReplayWal = (dependencies: Dependencies): Step<{ sandbox: Sandbox; plan: Plan }, Replay> =>
  step(async (input: { sandbox: Sandbox; plan: Plan }, context): Promise<Replay> => {
    const tools = await toolsOfSandbox(dependencies, input.sandbox);
    const replay = await onWatchedServer(input.sandbox, context, (watched) =>
      replayWal(tools, { ...input.plan, sandbox: input.sandbox }, watched),
    );
    const { seen, ...rest } = replay;
    return {
      ...rest,
      phases: [
        phaseUntilNow(context, 'replay', {
          bytes: replay.replayedBytes,
          ...(seen === undefined ? {} : { samples: seen }),
        }),
      ],
    };
  });
