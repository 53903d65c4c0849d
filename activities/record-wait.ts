import type { Waiting } from '../src/schema/progress.js';
import { shellWord } from '../src/schema/shell-word.js';
import type { Dependencies } from './dependencies.js';
import { intoCatalog } from './into-catalog.js';
import { type Step, step } from './step.js';

export interface Wait {
  cluster: string;
  waiting: Pick<Waiting, 'gate' | 'since' | 'until' | 'question' | 'approvedBy'>;
  escalated: boolean;
}

/** A gate that has waited for long: an event, so that somebody hears of it. */
export const createRecordWait = (dependencies: Dependencies): Step<Wait, { warnings: string[] }> =>
  step(async ({ cluster, waiting, escalated }, context) => {
    const { gate, since, until, question, approvedBy = [] } = waiting;
    const approved = approvedBy.length === 0 ? '' : ` ${approvedBy.join(' and ')} approved.`;
    const warnings = await intoCatalog(dependencies, context.signal, {
      events: [
        {
          cluster,
          at: new Date().toISOString(),
          severity: escalated ? 'critical' : 'warning',
          kind: escalated ? 'gate_escalated' : 'gate_reminder',
          message: `${context.workflowId} waits at gate ${gate} since ${since}, until ${until}. ${question}${approved} Answer: pgdrill approve ${shellWord(context.workflowId)}`,
          figures: { waitedSeconds: Math.round((Date.now() - Date.parse(since)) / 1_000) },
          operation: context.operation,
        },
      ],
    });
    return { warnings };
  });
