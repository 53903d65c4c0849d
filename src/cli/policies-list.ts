import type { ScheduleStanding } from '../client/schedules/list.js';
import { minute } from '../schema/figures.js';
import { renderTable } from './table.js';
import { colors, print } from './terminal.js';

/** Shows how schedules stand: one row each, then what needs a person. */
export function showStandings(rows: readonly ScheduleStanding[]): void {
  if (rows.length === 0) {
    print('No schedules: neither in the configuration nor in Temporal.');
    return;
  }
  print(
    renderTable(
      rows.map((row) => [
        row.cluster,
        row.kind,
        row.name ?? '',
        `${row.cron ?? ''} ${row.timeZone ?? ''}`.trim(),
        stateOf(row),
        row.next === undefined ? '' : minute(row.next),
        row.last === undefined ? '' : `${minute(row.last.at)} ${outcomeOf(row.last.outcome)}`,
      ]),
      ['CLUSTER', 'KIND', 'NAME', 'CRON', 'STATE', 'NEXT', 'LAST'],
    ),
  );
  for (const { cluster, kind, name, note, skipped, missed, last } of rows) {
    const title = [cluster, kind, name].filter((part) => part !== undefined).join(' ');
    if (note !== undefined) print(`${title}: ${note}`);
    if (last?.outcome.startsWith('failed') === true) print(`${title}: ${last.outcome} (${last.workflowId})`);
    if (skipped !== undefined && skipped > 0)
      print(`${title}: left out ${skipped} times, because its previous run was not over.`);
    if (missed !== undefined && missed > 0)
      print(`${title}: missed ${missed} times, because Temporal was away for longer than catch_up.`);
  }
  if (rows.some(({ drift }) => drift))
    print(`${colors.yellow('Temporal differs from the configuration')}: see pgdrill policies plan`);
}

function stateOf({ state, running }: ScheduleStanding): string {
  if (state === 'active') return (running ?? []).length > 0 ? 'running' : colors.green(state);
  return state === 'switched off' ? state : colors.yellow(state);
}

/** The table has the word only; the reason stands below it. */
function outcomeOf(outcome: string): string {
  const [word = ''] = outcome.split(':');
  if (/^(passed|completed)$/.test(word)) return colors.green(word);
  return word === 'failed' ? colors.red(word) : colors.yellow(word);
}
