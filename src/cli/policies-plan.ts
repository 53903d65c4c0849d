import { withCatalog, appliedPolicies } from '../catalog/catalog.js';
import { titleOf } from '../client/schedules/facets.js';
import { type PlannedChange, planChanges } from '../client/schedules/plan.js';
import { type ReadSchedule, readSchedules } from '../client/schedules/read.js';
import { wishedSchedules } from '../client/schedules/wished.js';
import type { Temporal } from '../client/temporal.js';
import type { LoadedConfiguration } from '../configuration/load.js';
import { colors, print } from './terminal.js';

/** The plan for all clusters or one: what would change, and what Temporal has now. */
export async function planFor(
  loaded: LoadedConfiguration,
  { client }: Temporal,
  catalogUrl: string | undefined,
  cluster?: string,
): Promise<{ changes: PlannedChange[]; actual: ReadSchedule[] }> {
  const taskQueue = loaded.configuration.temporal.task_queue;
  const wishes = wishedSchedules(loaded.configuration).filter(
    (wish) => cluster === undefined || wish.cluster === cluster,
  );
  const actual = await readSchedules(client, wishes, taskQueue, cluster);
  const changes = planChanges(wishes, actual, taskQueue);
  if (catalogUrl !== undefined) await noteDeleted(changes, catalogUrl);
  return { changes, actual };
}

/** A schedule that is missing in Temporal is new, or somebody deleted it there: of a policy the catalog knows which. Without it, both are possible. */
async function noteDeleted(changes: readonly PlannedChange[], catalogUrl: string): Promise<void> {
  const missing = changes.filter(({ action, kind }) => action === 'create' && kind === 'backup');
  if (missing.length === 0) return;
  const applied = await withCatalog(catalogUrl, appliedPolicies).catch(() => undefined);
  for (const change of missing) {
    const at = applied?.get(change.id);
    if (at === undefined) continue;
    change.edited = true;
    change.notes.push(`It was applied at ${at} and is gone from Temporal: somebody deleted it.`);
  }
}

const signs = { create: '+', update: '~', remove: '-', none: '=', foreign: '!' } as const;
const paint = {
  create: colors.green,
  update: colors.yellow,
  remove: colors.red,
  none: (text: string) => text,
  foreign: colors.red,
} as const;

/** Shows a plan as people read it. */
export function showPlan(changes: readonly PlannedChange[], warnings: readonly string[]): void {
  for (const change of changes) {
    const { action, differences, edited, notes, wish } = change;
    print(paint[action](`${signs[action]} ${titleOf(change)}: ${headline(change)}`));
    if (action === 'create' && wish !== undefined) print(`    ${wish.cron} ${wish.timeZone}`);
    if (wish !== undefined && wish.except.length > 0 && action !== 'none')
      print(
        `    leaves out the times of ${wish.except.map(({ name, cron }) => `${name} (${cron})`).join(', ')}, which gives more`,
      );
    for (const { what, from, to } of differences)
      print(`    ${what}: ${from === '' ? 'none' : from} → ${to === '' ? 'none' : to}`);
    if (edited && action === 'update')
      print(colors.yellow('    It was changed in Temporal since pgdrill applied it; this is set back.'));
    if (edited && action === 'remove') print(colors.yellow('    It was changed in Temporal since pgdrill applied it.'));
    for (const note of notes) print(`    ${note}`);
  }
  for (const warning of warnings) print(`${colors.yellow('Warning')}: ${warning}`);
  print(summaryOf(changes));
}

function headline({ action }: PlannedChange): string {
  switch (action) {
    case 'create':
      return 'is not in Temporal';
    case 'update':
      return 'differs';
    case 'remove':
      return 'is to be removed';
    case 'none':
      return 'as configured';
    case 'foreign':
      return 'cannot be applied';
  }
}

function summaryOf(changes: readonly PlannedChange[]): string {
  const count = (action: PlannedChange['action']): number =>
    changes.filter((change) => change.action === action).length;
  if (changes.length === 0)
    return 'The configuration has no policies, drills or other schedules, and Temporal none of ours.';
  const parts = [
    [count('create'), 'to create'],
    [count('update'), 'to change'],
    [count('remove'), 'to remove'],
    [count('foreign'), 'not ours'],
  ] as const;
  const some = parts.filter(([number]) => number > 0).map(([number, what]) => `${number} ${what}`);
  return some.length === 0 ? 'Temporal has what the configuration says.' : `${some.join(', ')}.`;
}
