import { bytes, count, moment, seconds } from '../schema/figures.js';
import type { JudgedEstimate } from '../schema/estimate.js';
import type { DrillResult } from '../schema/evidence.js';
import { titleOf } from '../proof/verdict.js';
import { boundBy } from '../report/bound-by.js';
import type { Phase, WorstRpo } from '../schema/results.js';
import { renderTable } from './table.js';
import { colors, tint } from './terminal.js';

/** A drill's result as the table that ends the command: chain, replay, clock, RPO, checks, verdict. */
export function renderDrill(result: DrillResult): string {
  const { chain, replay, fence, beyond, phases, rpo, checks, approvals, verdict, reasons } = result;
  const sections: string[] = [];
  const section = (title: string, rows: string[][]): void => {
    if (rows.length > 0) sections.push(`${colors.bold(title)}\n${renderTable(rows, undefined, { indent: 2 })}`);
  };
  const { scenario } = result;
  section('Scenario', scenario === undefined ? [] : [[colors.bold(scenario.name), scenario.why]]);
  section(
    'Chain',
    chain.map(({ id, type, startLsn, endLsn, sizeBytes }) => [id, type, `${startLsn} → ${endLsn}`, bytes(sizeBytes)]),
  );
  section('Replay', [
    ...(replay === undefined ? [] : [['WAL replayed', bytes(replay.replayedBytes), `reached ${replay.reachedLsn}`]]),
    ...(fence === undefined
      ? [['target', result.target, '']]
      : [
          [
            'fence',
            fence.lsn,
            result.fenceOf === undefined
              ? `timeline ${fence.timeline}, try ${fence.tries}, ${count(fence.commitsSeen)} commits before and ${count(fence.commitsUnseen)} after the cut looked at`
              : `timeline ${fence.timeline}, as drill ${result.fenceOf} recorded it at ${moment(fence.takenAt)}`,
          ],
        ]),
    ...(beyond === undefined
      ? []
      : [['behind the fence', bytes(beyond.bytes), `replayed up to ${beyond.toLsn} and checked, not compared`]]),
  ]);
  section('Recovery time', [
    ...phases.map((phase) => [phase.name, seconds(phase.seconds), describePhase(phase)]),
    ...(result.rtoSeconds === undefined
      ? []
      : [[colors.bold('RTO'), colors.bold(seconds(result.rtoSeconds)), objectiveOf(result, 'rto')]]),
    ...(result.estimate === undefined ? [] : [describeEstimate(result.estimate)]),
    ...(result.rtoToProvenSeconds === undefined ? [] : [['RTO to proven', seconds(result.rtoToProvenSeconds), '']]),
    ...(result.waitedForHumansSeconds > 0
      ? [['waited for humans', seconds(result.waitedForHumansSeconds), 'not part of the RTO']]
      : []),
  ]);
  if (rpo !== undefined) {
    section('Recovery point (had the source been lost at the drill’s start)', [
      [colors.bold('RPO'), colors.bold(seconds(rpo.seconds)), objectiveOf(result, 'rpo')],
      ['WAL not yet saved', bytes(rpo.bytes), `repository ${rpo.repositoryLsn}, source ${rpo.sourceLsn}`],
      ['transactions lost', count(rpo.transactions), ''],
      ...(rpo.worst === undefined ? [] : [worstRpo(rpo.worst)]),
    ]);
  }
  section(
    'Approvals',
    approvals.map(({ gate, decision, by, reason }) => [gate, tint(decision), by, reason]),
  );
  section(
    'Checks',
    checks.flatMap(({ status, summary, seconds: took, problems, moreProblems = 0, ...check }) => [
      [titleOf(check), tint(status), summary, seconds(took)],
      ...problems.slice(0, 5).map(({ object, detail }) => ['', '', `${object}: ${detail}`, '']),
      ...(problems.length > 5
        ? [['', '', `… and ${problems.length + moreProblems - 5} more (see the evidence)`, '']]
        : []),
    ]),
  );
  const summary = [
    `${colors.bold('Verdict')}  ${colors.bold(tint(verdict))}`,
    ...reasons.map((reason) => `  ${reason}`),
  ];
  if (result.notCompared.length > 0)
    summary.push(
      `  Not compared: ${result.notCompared.slice(0, 5).join('; ')}${result.notCompared.length > 5 ? '; …' : ''}`,
    );
  for (const warning of result.warnings) summary.push(`  ${colors.yellow('warning')}: ${warning}`);
  if (result.evidencePath !== undefined) summary.push(`${colors.bold('Evidence')} ${result.evidencePath}`);
  if (result.reportPath !== undefined) summary.push(`${colors.bold('Report')}   ${result.reportPath}`);
  return [...sections, summary.join('\n')].join('\n\n');
}

/** Bytes, rate and what bounded it, as far as they are known. */
function describePhase(phase: Phase): string {
  const { bytes: size = 0, seconds: took, attempts } = phase;
  const bound = boundBy(phase);
  return [
    ...(size > 0 ? [`${bytes(size)}${took > 0 ? `, ${bytes(Math.round(size / took))}/s` : ''}`] : []),
    ...(bound === undefined ? [] : [`bounded by ${bound}`]),
    ...(attempts === undefined ? [] : [`${attempts} tries`]),
  ].join('; ');
}

function worstRpo(worst: WorstRpo): string[] {
  const { seconds: value, atMostSeconds, unknown, segment, savedAt } = worst;
  const where = segment === undefined ? '' : `; segment ${segment} came at ${savedAt ?? ''}`;
  const most = atMostSeconds === undefined ? '' : `, perhaps up to ${seconds(atMostSeconds)}`;
  const how = worst.byStream === true ? 'the record of the stream' : `the arrival of ${count(worst.segments)} segments`;
  return [
    'worst RPO',
    value === undefined ? 'not known' : `${seconds(value)}${most}`,
    unknown ?? `since ${worst.since}, by ${how}${where}`,
  ];
}

/** Above 1 the restore took longer than was said. */
function describeEstimate({ seconds: estimated, ratio, basis }: JudgedEstimate): string[] {
  return ['estimated', seconds(estimated), `it took ${ratio.toFixed(2)} times that; ${basis}`];
}

function objectiveOf({ objectives }: DrillResult, name: 'rto' | 'rpo'): string {
  const found = objectives.find((each) => each.name === name);
  return found?.objective === undefined ? '' : `objective ${found.objective}: ${tint(found.status)}`;
}
