import { mostRestores } from '../../estimate/past-restores.js';
import { trackRecordOf } from '../../estimate/track-record.js';
import { seconds } from '../../schema/figures.js';
import type { Evidence } from '../../schema/evidence.js';
import type { ClusterObjectives } from '../../schema/objectives.js';
import { curvePicture, figure } from './charts.js';
import { html, type Markup } from './markup.js';
import { forecast, standingTable } from './objectives.js';
import { moment, page, table, tag } from './page.js';

export interface ClusterReport {
  cluster: string;
  /** How its objectives stand at the moment the page is made. */
  standing: ClusterObjectives;
  /** Oldest first. */
  evidences: readonly Evidence[];
  objectives: { rto?: string; rtoSeconds?: number; rpo?: string; rpoSeconds?: number };
  /** Evidence that could not be read. */
  unreadable: readonly string[];
  /** Where the page of an evidence lies, as a link from this page. */
  linkTo: (id: string) => string;
}

type Figure = (evidence: Evidence) => number | undefined;

/** All drills and recoveries of a cluster on one page: what is proven until when, the trend of RTO and RPO, the way to each report. */
export async function renderClusterPage(report: ClusterReport): Promise<string> {
  const { cluster, evidences, unreadable, objectives } = report;
  const drills = evidences.filter(({ kind }) => kind === 'drill');
  return page(
    `Drills of cluster ${cluster}`,
    html`
      <h1>Drills of cluster ${cluster}</h1>
      <p class="muted">
        ${counted(drills.length, 'drill', 'drills')} and
        ${counted(evidences.length - drills.length, 'recovery', 'recoveries')} left evidence.
      </p>
      ${proven(drills, report.standing)}
      <h2>Objectives</h2>
      ${standingTable(report.standing)}
      <h2>Recovery time (RTO)</h2>
      ${await trend(drills, 'RTO', [({ clock }) => clock.rtoSeconds], objectives.rto, objectives.rtoSeconds)}
      <h3>RTO to come</h3>
      ${await forecast(report.standing)}
      <p class="small muted">${estimatesOf(evidences)}</p>
      <h2>Recovery point (RPO)</h2>
      ${await trend(drills, 'RPO', [judgedRpo, ({ rpo }) => rpo?.seconds], objectives.rpo, objectives.rpoSeconds)}
      <p class="small muted">
        The line is the worst moment since the drill before, where that is known, and is what the objective is held
        against; dotted: the moment that the drill itself simulated.
      </p>
      <h2>Drills and recoveries</h2>
      ${evidences.length === 0 ? html`<p>None yet. Run one: <code>pgdrill drill ${cluster}</code></p>` : list(report)}
      ${
        unreadable.length === 0
          ? undefined
          : html`<h2>Evidence that could not be read</h2>
              <ul>
                ${unreadable.map((each) => html`<li>${each}</li>`)}
              </ul>`
      }
    `,
  );
}

/** The newest drill that passed proves its target; what came after it is not proven by it. */
function proven(drills: readonly Evidence[], standing: ClusterObjectives): Markup {
  // A later drill may have proven an older moment (scenarios old and random): that takes nothing from what was proven before.
  const until = (drill: Evidence): number => Date.parse(drill.fence?.takenAt ?? drill.startedAt);
  const passed = drills
    .filter(({ verdict }) => verdict === 'passed')
    .reduce<Evidence | undefined>((a, b) => (a !== undefined && until(a) > until(b) ? a : b), undefined);
  const last = drills.findLast(({ verdict }) => verdict === 'passed');
  const newest = drills.at(-1);
  const tone = newest?.verdict ?? 'unproven';
  const since =
    last === undefined || last === newest
      ? undefined
      : html`<p>Since then ${drills.length - 1 - drills.lastIndexOf(last)} drills ended, none of them passed.</p>`;
  return html`<section class="verdict ${tone}" aria-label="What is proven">
    <strong>${newest === undefined ? 'nothing proven' : `last drill ${newest.verdict}`}</strong>
    ${newest?.reasons.map((reason) => html`<p>${reason}</p>`)}
    ${
      passed === undefined
        ? html`<p>No drill has passed yet: nothing is proven.</p>`
        : html`<p>
            Proven until
            ${moment(passed.fence?.takenAt ?? passed.startedAt)}${
              passed.fence === undefined ? '' : html`, LSN <code>${passed.fence.lsn}</code>`
            },
            by <code>${passed.id}</code>.
          </p>`
    }
    ${since}
    <p>Objectives: ${tag(standing.status)}</p>
  </section>`;
}

/** How far the plan's estimates can be trusted: those of the host that restored last. */
function estimatesOf(evidences: readonly Evidence[]): string {
  const newestFirst = evidences.filter(({ estimate }) => estimate !== undefined).toReversed();
  const here = newestFirst.filter(({ host }) => host === newestFirst[0]?.host);
  return trackRecordOf(here.slice(0, mostRestores).flatMap(({ estimate }) => estimate ?? [])).summary;
}

/** Held against the objective: the worst since the drill before, where it is known. */
function judgedRpo({ rpo }: Evidence): number | undefined {
  return rpo?.worst?.seconds ?? rpo?.seconds;
}

/** @param of what the objective is held against; another is drawn beside it, dotted. */
async function trend(
  drills: readonly Evidence[],
  name: string,
  [of, beside]: [of: Figure, beside?: Figure],
  objective: string | undefined,
  limit: number | undefined,
): Promise<Markup> {
  const pointsOf = (figureOf: Figure): [number, number][] =>
    drills.flatMap((drill): [number, number][] => {
      const value = figureOf(drill);
      return value === undefined ? [] : [[Date.parse(drill.finishedAt), value]];
    });
  const points = pointsOf(of);
  const last = points.at(-1)?.[1];
  if (last === undefined) return html`<p>No drill has measured it yet.</p>`;
  const days = ((points.at(-1)?.[0] ?? 0) - (points[0]?.[0] ?? 0)) / 86_400_000;
  const values = points.map(([, value]) => value);
  const missed = limit === undefined ? 0 : values.filter((value) => value > limit).length;
  const judged =
    limit === undefined
      ? 'No objective is set.'
      : `Objective ${objective ?? ''}: missed by ${missed} of ${values.length}.`;
  return await figure(
    curvePicture(
      [
        { name, color: 'var(--accent)', points, dots: true },
        ...(beside === undefined
          ? []
          : [{ name: `${name} beside`, color: 'var(--muted)', points: pointsOf(beside), dashed: true }]),
      ],
      {
        x: 'time',
        xName: (value) =>
          new Date(value)
            .toISOString()
            .slice(...(days > 3 ? [5, 10] : days > 1 / 24 ? [5, 16] : [11, 19]))
            .replace('T', ' '),
        yName: 'seconds',
        limit: limit === undefined ? undefined : { value: limit, name: `objective ${objective ?? ''}` },
      },
      `${name} of ${values.length} drills: last ${seconds(last)}, least ${seconds(Math.min(...values))}, most ${seconds(Math.max(...values))}. ${judged}`,
    ),
  );
}

function list({ evidences, linkTo }: ClusterReport): Markup {
  return table(
    ['Ended', 'Report', 'Kind', 'Verdict', 'RTO', 'RPO', 'Why'],
    evidences
      .toReversed()
      .map(({ id, kind, scenario, finishedAt, verdict, clock, rpo, reasons }) => [
        moment(finishedAt),
        html`<a href="${linkTo(id)}">${id}</a>`,
        scenario === undefined ? kind : `${kind}: ${scenario.name}`,
        tag(verdict),
        clock.rtoSeconds === undefined ? 'not known' : seconds(clock.rtoSeconds),
        rpo === undefined ? 'not known' : rpoOf(rpo),
        reasons[0] ?? '',
      ]),
  );
}

function rpoOf({ seconds: atFailure, worst }: NonNullable<Evidence['rpo']>): Markup {
  const told =
    worst?.seconds === undefined ? undefined : html`<br /><span class="small">worst ${seconds(worst.seconds)}</span>`;
  return html`${seconds(atFailure)}${told}`;
}

const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;
