import { seconds } from '../../schema/figures.js';
import type { ClusterObjectives, ForecastPoint } from '../../schema/objectives.js';
import { curvePicture, figure } from './charts.js';
import { html, type Markup } from './markup.js';
import { moment, table, tag } from './page.js';

const names = { rto: 'RTO', rpo: 'RPO', proven_within: 'Proven within' };

/** Each objective with its figure, and how that is known. */
export function standingTable({ objectives, at }: ClusterObjectives): Markup {
  return html`${table(
      ['Objective', 'Limit', 'Actual', 'Status', 'How it is known'],
      objectives.map(({ name, objective, actualSeconds, status, how }) => [
        names[name],
        objective ?? 'not set',
        actualSeconds === undefined ? 'not known' : seconds(actualSeconds),
        objective === undefined ? '' : tag(status),
        how,
      ]),
    )}
    <p class="small muted">As of ${moment(at)}, when this page was made.</p>`;
}

/** What the RTO is expected to be, with its interval; and what would bring it back. */
export async function forecast({ forecast: told, objectives, remedies }: ClusterObjectives): Promise<Markup> {
  const help =
    remedies.length === 0
      ? undefined
      : html`<p>What would bring it under its objective:</p>
          <ul>
            ${remedies.map((each) => html`<li>${each}</li>`)}
          </ul>`;
  if (told.status === 'too few drills')
    return html`<p>No forecast: ${told.basis}</p>
      ${help}`;
  const points = [told.next, ...told.points];
  return html`${points.length < 2 ? undefined : await picture(points, objectives)}
    ${table(
      ['When', 'Expected RTO', '95 % of drills'],
      points.map(({ days, seconds: expected, lowSeconds, highSeconds }) => [
        days === 0 ? 'next drill' : `in ${days} days`,
        seconds(expected),
        `${seconds(lowSeconds)} to ${seconds(highSeconds)}`,
      ]),
    )}
    <p class="small muted">${told.basis}</p>
    ${help}`;
}

async function picture(points: readonly ForecastPoint[], objectives: ClusterObjectives['objectives']): Promise<Markup> {
  const rto = objectives.find(({ name }) => name === 'rto');
  const last = points.at(-1);
  const curve = (of: (point: ForecastPoint) => number): [number, number][] =>
    points.map((point) => [point.days, of(point)]);
  return await figure(
    curvePicture(
      [
        { name: 'expected', color: 'var(--accent)', points: curve((point) => point.seconds) },
        { name: 'upper end', color: 'var(--muted)', points: curve((point) => point.highSeconds), dashed: true },
        { name: 'lower end', color: 'var(--muted)', points: curve((point) => point.lowSeconds), dashed: true },
      ],
      {
        x: 'value',
        xName: (value) => `${value} d`,
        yName: 'seconds',
        limit:
          rto?.limitSeconds === undefined
            ? undefined
            : { value: rto.limitSeconds, name: `objective ${rto.objective ?? ''}` },
      },
      `Expected RTO over days to come, between dotted lines the interval that 95 % of drills lie in: next ${seconds(points[0]?.seconds ?? 0)}, in ${last?.days ?? 0} days ${seconds(last?.seconds ?? 0)} (${seconds(last?.lowSeconds ?? 0)} to ${seconds(last?.highSeconds ?? 0)}).`,
    ),
  );
}
