import { recordDeleted } from '../src/catalog/catalog.js';
import { bytes } from '../src/schema/figures.js';
import type { RetentionResult } from '../src/schema/retention.js';
import type { Dependencies } from './dependencies.js';
import { intoCatalog } from './into-catalog.js';
import { type Step, step } from './step.js';

type Ended = { cluster: string } & ({ result: RetentionResult } | { failure: string });

/** Retention into the catalog: which backups are gone, how much room that gave; or why nothing was done. */
export const createRecordRetention = (dependencies: Dependencies): Step<Ended, { warnings: string[] }> =>
  step(async (input: Ended, { signal, operation }) => {
    const base = { cluster: input.cluster, at: new Date().toISOString(), operation };
    if ('failure' in input) {
      const refused = { severity: 'warning', kind: 'retention_refused', message: input.failure } as const;
      return { warnings: await intoCatalog(dependencies, signal, { events: [{ ...base, ...refused }] }) };
    }
    const { deleted, walDeleted, freedBytes, marked, kept } = input.result;
    const ids = deleted.map(({ id }) => id);
    const warnings = await intoCatalog(dependencies, signal, {
      write: (client) => recordDeleted(client, { cluster: input.cluster, ids, at: base.at }),
      events: [
        {
          ...base,
          severity: 'info',
          kind: 'retention_applied',
          message: `deleted ${ids.length === 0 ? 'no backup' : ids.join(', ')} and ${walDeleted.files} files of WAL: ${bytes(freedBytes)} freed; ${marked.length} backups are marked, ${kept} are kept`,
          figures: { deleted: ids.length, walFiles: walDeleted.files, freedBytes, marked: marked.length, kept },
        },
      ],
    });
    return { warnings };
  });
