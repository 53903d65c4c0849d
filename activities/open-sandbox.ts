import { readRestoredFacts } from '../src/hand-over/restored-facts.js';
import { isRecovery } from '../src/registry/entry.js';
import { findingsOfMendedMaps } from '../src/restore/mended-maps.js';
import { openSandbox } from '../src/restore/open.js';
import { onWatchedServer } from '../src/restore/watch-server.js';
import type { Opened, Sandbox } from '../src/schema/results.js';
import type { Dependencies } from './dependencies.js';
import { toolsOfSandbox } from './sandbox-tools.js';
import { phaseUntilNow, type Step, step } from './step.js';

/** Open: promote, and see that it takes writes. Here the RTO clock stops. */
export const createOpenSandbox = (dependencies: Dependencies): Step<{ sandbox: Sandbox }, Opened> =>
  step(async (input: { sandbox: Sandbox }, context): Promise<Opened> => {
    const tools = await toolsOfSandbox(dependencies, input.sandbox);
    const { timeline } = await onWatchedServer(input.sandbox, context, (watched) =>
      openSandbox(tools, input.sandbox, watched),
    );
    // Before anything else: both are the moment at which the RTO ends.
    const phase = phaseUntilNow(context, 'open');
    const openedAt = phase.finishedAt ?? new Date().toISOString();
    const seen = isRecovery(input.sandbox) ? { seen: await readRestoredFacts(input.sandbox, context.signal) } : {};
    const opened: Opened = { openedAt, timeline, phases: [phase], ...seen };
    const findings = await findingsOfMendedMaps(input.sandbox, context.signal);
    return findings.length === 0 ? opened : { ...opened, findings };
  });
