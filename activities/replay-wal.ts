import { lsnDistanceBytes } from '../src/postgres/lsn.js';
import { replayWal } from '../src/restore/replay.js';
import { onWatchedServer } from '../src/restore/watch-server.js';
import type { Plan, Replay, Sandbox } from '../src/schema/results.js';
import type { Dependencies } from './dependencies.js';
import { toolsOfSandbox } from './sandbox-tools.js';
import { phaseUntilNow, type Step, step } from './step.js';

interface Input {
  sandbox: Sandbox;
  plan: Plan;
  /** Where an earlier replay of this server was paused, if there was one: it goes on from there. */
  from?: string;
}

/** Replay: start the sandbox, replay to the target, pause there. */
export const createReplayWal = (dependencies: Dependencies): Step<Input, Replay> =>
  step(async (input: Input, context): Promise<Replay> => {
    const { target, wal } = input.plan;
    const [from, to] = [input.from ?? wal.from, target.lsn ?? wal.to];
    const stretch = { from, to, bytes: lsnDistanceBytes(from, to) };
    const tools = await toolsOfSandbox(dependencies, input.sandbox);
    const replay = await onWatchedServer(input.sandbox, context, (watched) =>
      replayWal(tools, { sandbox: input.sandbox, target, wal: stretch }, watched),
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
