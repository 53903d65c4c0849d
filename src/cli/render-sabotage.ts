import type { SabotageResult, SabotageTrial } from '../schema/sabotage.js';
import { renderTable } from './table.js';
import { colors, tint } from './terminal.js';

/** A sabotage drill's result as the table that ends the command: what was broken, who saw it. */
export function renderSabotage(result: SabotageResult): string {
  const { control, trials, leftOut, verdict, reasons, warnings, evidencePath, seed } = result;
  const rows = [
    ...(control === undefined ? [] : [['none', 'the unbroken copy', control.reason, tint(control.verdict)]]),
    ...trials.flatMap(rowsOf),
    ...leftOut.map(({ kind, reason }) => [kind, 'not possible here', reason, 'left out']),
  ];
  const summary = [
    `${colors.bold('Verdict')}  ${tint(verdict)}`,
    ...reasons.map((reason) => `  ${reason}`),
    `  Seed ${seed}: the same is broken again with --seed ${seed}.`,
    ...warnings.map((warning) => `  ${colors.yellow('warning')}: ${warning}`),
    ...(evidencePath === undefined ? [] : [`${colors.bold('Evidence')} ${evidencePath}`]),
  ];
  const table = rows.length === 0 ? [] : [renderTable(rows, ['KIND', 'BROKEN', 'SEEN BY', 'VERDICT'])];
  return [...table, summary.join('\n')].join('\n\n');
}

function rowsOf({ kind, broke, seenBy, verdict, reason }: SabotageTrial): string[][] {
  const [first, ...others] = seenBy;
  if (first === undefined) return [[kind, broke ?? '', reason, tint(verdict)]];
  return [
    [kind, broke ?? '', `${first.by}: ${first.sentence}`, tint(verdict)],
    ...others.map(({ by, sentence }) => ['', '', `${by}: ${sentence}`, '']),
  ];
}
