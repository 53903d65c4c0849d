import { moveTarget } from '../src/restore/move-target.js';
import type { ResolvedTarget, Sandbox } from '../src/schema/results.js';
import type { Dependencies } from './dependencies.js';
import { toolsOfSandbox } from './sandbox-tools.js';
import { type Step, step } from './step.js';

interface MoveTarget {
  sandbox: Sandbox;
  reachedLsn: string;
  from: ResolvedTarget;
  to: ResolvedTarget;
}

/** Retarget: a paused sandbox gets a target further on; the next replay goes there. */
export const createMoveTarget = (dependencies: Dependencies): Step<MoveTarget, void> =>
  step(async (input: MoveTarget) => {
    await moveTarget(await toolsOfSandbox(dependencies, input.sandbox), input);
  });
