import type { RecoverResult } from '../client/results.js';
import { renderHandOver } from '../hand-over/render.js';
import { seconds } from '../schema/figures.js';
import { renderTable } from './table.js';
import { colors, tint } from './terminal.js';

/** How a recovery ended, with the hand-over sheet. */
export function renderRecovery(result: RecoverResult): string {
  const rows = [
    ['directory', result.into],
    ['chain', result.chain.join(' + ')],
    ['target', result.target],
    ...(result.reachedLsn === undefined ? [] : [['reached', result.reachedLsn]]),
    ...(result.lastCommitAt === undefined ? [] : [['last commit', result.lastCommitAt]]),
    ...(result.rtoSeconds === undefined ? [] : [['RTO', seconds(result.rtoSeconds)]]),
    ...(result.evidencePath === undefined ? [] : [['evidence', result.evidencePath]]),
    ...(result.handOverPath === undefined ? [] : [['hand-over sheet', result.handOverPath]]),
  ];
  const parts = [
    `\n${colors.bold('Recovery')}  ${tint(result.outcome)}\n${renderTable(rows)}`,
    ...(result.notes.length === 0 ? [] : [result.notes.map((note) => `- ${note}`).join('\n')]),
    ...(result.handOver === undefined ? [] : [renderHandOver(result.cluster, result.handOver).trimEnd()]),
  ];
  return parts.join('\n\n');
}
