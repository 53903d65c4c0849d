import { readRestoredFacts } from '../src/hand-over/restored-facts.js';
import { withToolsKnown } from '../src/process/tools-at-work.js';
import { watchWork } from '../src/process/work-watch.js';
import { isRecovery } from '../src/registry/entry.js';
import { findingsOfMendedMaps } from '../src/restore/mended-maps.js';
import { openSandbox } from '../src/restore/open.js';
import { serverDoing } from '../src/restore/server-doing.js';
import { onWatchedServer } from '../src/restore/watch-server.js';
import type { Opened, Sandbox } from '../src/schema/results.js';
import type { Dependencies } from './dependencies.js';
import { toolsOfSandbox } from './sandbox-tools.js';
import { phaseUntilNow, type Step, step } from './step.js';

/** Open: promote, and see that it takes writes. Here the RTO clock stops. */
export const createOpenSandbox = (dependencies: Dependencies): Step<{ sandbox: Sandbox }, Opened> =>
  step(async (input: { sandbox: Sandbox }, context): Promise<Opened> => {
    const tools = await toolsOfSandbox(dependencies, input.sandbox);
    const { result, ...seen } = await withToolsKnown(() =>
      watchWork(serverDoing(input.sandbox), () =>
        onWatchedServer(input.sandbox, context, (watched) => openSandbox(tools, input.sandbox, watched)),
      ),
    );
    // Before anything else: both are the moment at which the RTO ends.
    const phase = phaseUntilNow(context, 'open', seen);
    const openedAt = phase.finishedAt ?? new Date().toISOString();
    const facts = isRecovery(input.sandbox) ? { seen: await readRestoredFacts(input.sandbox, context.signal) } : {};
    const opened: Opened = { openedAt, timeline: result.timeline, phases: [phase], ...facts };
    const findings = await findingsOfMendedMaps(input.sandbox, context.signal);
    return findings.length === 0 ? opened : { ...opened, findings };
  });
