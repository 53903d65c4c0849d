import { findingsOfMendedMaps } from '../src/restore/mended-maps.js';
import { openSandbox } from '../src/restore/open.js';
import type { Opened, Sandbox } from '../src/schema/results.js';
import type { Dependencies } from './dependencies.js';
import { toolsOfSandbox } from './sandbox-tools.js';
import { secondsSinceScheduled, type Step, step } from './step.js';

/** Open: promote, and see that it takes writes. Here the RTO clock stops. */
export const createOpenSandbox = (dependencies: Dependencies): Step<{ sandbox: Sandbox }, Opened> =>
  step(async (input: { sandbox: Sandbox }, context): Promise<Opened> => {
    const { timeline } = await openSandbox(await toolsOfSandbox(dependencies, input.sandbox), input.sandbox, context);
    const opened: Opened = {
      openedAt: new Date().toISOString(),
      timeline,
      phases: [{ name: 'open', seconds: secondsSinceScheduled(context) }],
    };
    const findings = await findingsOfMendedMaps(input.sandbox, context.signal);
    return findings.length === 0 ? opened : { ...opened, findings };
  });
