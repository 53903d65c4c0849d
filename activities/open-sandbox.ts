import { findingsOfMendedMaps } from '../src/restore/mended-maps.js';
import { openSandbox } from '../src/restore/open.js';
import { onWatchedServer } from '../src/restore/watch-server.js';
import type { Opened, Sandbox } from '../src/schema/results.js';
import type { Dependencies } from './dependencies.js';
import { toolsOfSandbox } from './sandbox-tools.js';
import { secondsSinceScheduled, type Step, step } from './step.js';

/** Open: promote, and see that it takes writes. Here the RTO clock stops. */
export const createOpenSandbox = (dependencies: Dependencies): Step<{ sandbox: Sandbox }, Opened> =>
  step(async (input: { sandbox: Sandbox }, context): Promise<Opened> => {
    const tools = await toolsOfSandbox(dependencies, input.sandbox);
    const { timeline } = await onWatchedServer(input.sandbox, context, (watched) =>
      openSandbox(tools, input.sandbox, watched),
    );
    const opened: Opened = {
      openedAt: new Date().toISOString(),
      timeline,
      phases: [{ name: 'open', seconds: secondsSinceScheduled(context) }],
    };
    const findings = await findingsOfMendedMaps(input.sandbox, context.signal);
    return findings.length === 0 ? opened : { ...opened, findings };
  });
