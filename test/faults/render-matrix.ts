import { faults } from './faults.js';
import { cells, titleOf } from './matrix.js';
import { type Row, rows } from './rows.js';

/** One cell that was played. */
export interface Played {
  title: string;
  passed: boolean;
  at: string;
  /** Of pgdrill, where git knows it. */
  commit?: string;
}

/** The matrix as a page: what was played and how it went, what was not, and which cells there are not and why. */
export function render(played: readonly Played[]): string {
  const titles = new Set(cells.map(titleOf));
  const latest = new Map(played.filter(({ title }) => titles.has(title)).map((each) => [each.title, each]));
  const times = [...latest.values()].map(({ at }) => at).sort();
  const commits = new Set([...latest.values()].flatMap(({ commit }) => commit ?? []));
  const good = [...latest.values()].filter(({ passed }) => passed).length;
  const failed = [...latest.values()].filter(({ passed }) => !passed).map(({ title }) => title);
  const unplayed = cells.map(titleOf).filter((title) => !latest.has(title));
  return [
    '# The fault matrix',
    '',
    'Every step of `drill` (and of `backup` and `recover`, where named) × every fault, on real servers: held in its middle, struck, and looked at when',
    'it is over: how it ended, its figures, what was done twice, the source, what was left behind. Made by `npm run test:faults`; see `test/faults`.',
    '',
    `There are ${cells.length} cells; ${latest.size} were played, ${good} of them are as they should be. Played ${times[0] ?? 'never'} to ${times.at(-1) ?? 'never'} (UTC)${commits.size === 0 ? '' : ` at ${[...commits].sort().join(', ')}`}, each cell’s latest result.`,
    '',
    '`ok` as it should be · `FAILED` not · `?` not played · `–` there is no such cell (below)',
    '',
    `| step | ${faults.map((_, index) => index + 1).join(' | ')} |`,
    `| --- | ${faults.map(() => '---').join(' | ')} |`,
    ...rows.map((row) => `| ${row.name} | ${faults.map((fault) => mark(row, fault, latest)).join(' | ')} |`),
    '',
    ...faults.map(({ name }, index) => `${index + 1}. ${name}`),
    '',
    ...list('Failed', failed),
    ...list('Not played', unplayed),
    '## Cells that there are not',
    '',
    ...reasons(),
    '',
  ].join('\n');
}

function mark(row: Row, fault: (typeof faults)[number], latest: ReadonlyMap<string, Played>): string {
  if (fault.without(row) !== undefined) return '–';
  const result = latest.get(titleOf({ row, fault }));
  return result === undefined ? '?' : result.passed ? 'ok' : 'FAILED';
}

function list(heading: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : [`## ${heading}`, '', ...items.map((item) => `- ${item}`), ''];
}

/** A line for each fault and reason, with the steps that it holds for. */
function reasons(): string[] {
  return faults.flatMap((fault) => {
    const byReason = new Map<string, string[]>();
    for (const row of rows as readonly Row[]) {
      const why = fault.without(row);
      if (why !== undefined) byReason.set(why, [...(byReason.get(why) ?? []), row.name]);
    }
    return [...byReason].map(([why, names]) => `- ${fault.name}, at ${names.join(', ')}: ${why}.`);
  });
}
