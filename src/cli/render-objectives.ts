import { seconds } from '../schema/figures.js';
import type { ClusterObjectives, Forecast, ForecastPoint } from '../schema/objectives.js';
import { renderTable } from './table.js';
import { colors, tint } from './terminal.js';

/** A cluster's objectives for people: each with its figure and its source, then the forecast and what would help. */
export function renderObjectives({ cluster, status, objectives, forecast, remedies }: ClusterObjectives): string {
  const rows = objectives.map(({ name, objective, actualSeconds, status: each, how }) => [
    name,
    objective ?? 'not set',
    actualSeconds === undefined ? 'not known' : seconds(actualSeconds),
    objective === undefined ? '' : tint(each),
    how,
  ]);
  return [
    `${colors.bold(cluster)}  ${tint(status)}`,
    renderTable(rows, ['OBJECTIVE', 'LIMIT', 'ACTUAL', 'STATUS', 'HOW IT IS KNOWN']),
    `${colors.bold('RTO to come')}  ${describeForecast(forecast)}`,
    ...(forecast.status === 'forecast'
      ? [renderTable([forecast.next, ...forecast.points].map(pointRow), ['WHEN', 'EXPECTED', '95 % OF DRILLS'])]
      : []),
    ...remedies.map((each) => `- ${each}`),
  ].join('\n');
}

function pointRow({ days, seconds: expected, lowSeconds, highSeconds }: ForecastPoint): string[] {
  const when = days === 0 ? 'next drill' : `in ${days} days`;
  return [when, seconds(expected), `${seconds(lowSeconds)} to ${seconds(highSeconds)}`];
}

function describeForecast(forecast: Forecast): string {
  if (forecast.status === 'too few drills') return `No forecast: ${forecast.basis}`;
  return `${forecast.basis}${describeCrossing(forecast)}`;
}

function describeCrossing({
  missedInDays,
  atRiskInDays,
  watchedDays = 0,
}: Extract<Forecast, { status: 'forecast' }>): string {
  const inDays = (days: number): string => (days === 0 ? 'already now' : `in ${days} days`);
  const risk = atRiskInDays === undefined ? '' : ` Single drills may miss the objective ${inDays(atRiskInDays)}.`;
  if (missedInDays !== undefined)
    return `${atRiskInDays === missedInDays ? '' : risk} The objective is expected to be missed ${inDays(missedInDays)}.`;
  return watchedDays === 0 ? risk : `${risk} On average it is expected to be met for the next ${watchedDays} days.`;
}
