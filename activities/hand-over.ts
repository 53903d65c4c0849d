import { handOver } from '../src/restore/hand-over.js';
import type { Sandbox } from '../src/schema/results.js';
import type { Dependencies } from './dependencies.js';
import { toolsOfSandbox } from './sandbox-tools.js';
import { type Step, step } from './step.js';

/** Hand-over of a recovery: stopped cleanly, with its own settings, and notes for who takes over. */
export const createHandOver = (dependencies: Dependencies): Step<{ sandbox: Sandbox }, string[]> =>
  step(
    async (input: { sandbox: Sandbox }): Promise<string[]> =>
      await handOver(await toolsOfSandbox(dependencies, input.sandbox), input.sandbox),
  );
