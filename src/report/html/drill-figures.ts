import type { Evidence } from '../../schema/evidence.js';
import { bytes, count, seconds } from '../../schema/figures.js';
import type { WorstRpo } from '../../schema/results.js';
import { boundBy } from '../bound-by.js';
import { html, type Markup } from './markup.js';
import { moment, table, tag } from './page.js';
import { told } from './timeline-spans.js';

/** The figures that a reader looks for first, each with its objective. */
export function figures(evidence: Evidence): Markup {
  const { clock, rpo } = evidence;
  const card = (name: string, value: number | undefined, note: Markup | string): Markup =>
    html`<div class="figure">
      <span class="muted">${name}</span><b>${value === undefined ? 'not known' : seconds(value)}</b
      ><span class="small">${note}</span>
    </div>`;
  // The objective stands at the figure that it was held against.
  const byWorst = rpo?.worst?.seconds !== undefined;
  const lost =
    rpo === undefined
      ? undefined
      : html`${byWorst ? 'at the simulated failure' : undefined}<br />${bytes(rpo.bytes)} of WAL,
          ${count(rpo.transactions)} transactions`;
  return html`<div class="figures">
    ${card('RTO', clock.rtoSeconds, objective(evidence, 'rto'))}
    ${card('RPO', rpo?.seconds, html`${byWorst ? undefined : objective(evidence, 'rpo')}${lost}`)}
    ${
      rpo?.worst === undefined
        ? undefined
        : card(
            'Worst RPO',
            rpo.worst.seconds,
            html`${byWorst ? html`${objective(evidence, 'rpo')}<br />` : undefined}since ${moment(rpo.worst.since)}`,
          )
    }
    ${card('RTO to proven', clock.rtoToProvenSeconds, 'with the validation')}
    ${card('Waited for humans', clock.waitedForHumansSeconds, 'not part of the RTO')}
  </div>`;
}

function objective({ objectives }: Evidence, name: 'rto' | 'rpo'): Markup {
  const found = objectives.find((each) => each.name === name);
  if (found?.objective === undefined) return html`no objective set`;
  return html`objective ${found.objective} ${tag(found.status)}`;
}

/** What each phase took, moved and was bounded by, and what of the RTO lies in none of them. */
export function phaseTable({ clock, estimate }: Evidence): Markup {
  if (clock.phases.length === 0) return html``;
  const names = told(clock.phases.map(({ name }) => name));
  return html`${table(
    ['Phase', 'Took', 'Bytes', 'Rate', 'Bounded by'],
    clock.phases.map((phase, index) => [
      names[index] ?? '',
      `${seconds(phase.seconds)}${phase.attempts === undefined ? '' : `, ${phase.attempts} tries`}`,
      phase.bytes === undefined || phase.bytes === 0 ? '' : bytes(phase.bytes),
      phase.bytes === undefined || phase.bytes === 0 || phase.seconds === 0
        ? ''
        : `${bytes(Math.round(phase.bytes / phase.seconds))}/s`,
      boundBy(phase) ?? '',
    ]),
  )}
  ${
    clock.otherSeconds === undefined
      ? undefined
      : html`<p class="small muted">
          Between the phases (dispatch, retries, dead workers): ${seconds(clock.otherSeconds)}, part of the RTO.
        </p>`
  }
  ${
    clock.clockSetBackSeconds === undefined
      ? undefined
      : html`<p class="small muted">
          The wall clock was set back by about ${seconds(clock.clockSetBackSeconds)} meanwhile: the RTO is the sum of
          the phases.
        </p>`
  }
  ${
    estimate === undefined
      ? undefined
      : html`<p class="small muted">
          The plan expected ${seconds(estimate.seconds)}; it took ${estimate.ratio.toFixed(2)} times that
          (${estimate.basis}).
        </p>`
  }`;
}

/** Where the replay ended, where the source was cut, and what lay between the two and the simulated failure. */
export function fence({ fence: cut, fenceOf, beyond, rpo, replay }: Evidence): Markup {
  return html`<dl>
    ${
      replay === undefined
        ? undefined
        : html`<dt>Reached</dt>
            <dd>
              <code>${replay.reachedLsn}</code
              >${replay.lastCommitAt === undefined ? '' : `, last commit ${replay.lastCommitAt}`}
            </dd>`
    }
    ${
      cut === undefined
        ? undefined
        : html`<dt>Fence</dt>
            <dd>
              <code>${cut.lsn}</code>, timeline ${cut.timeline}, try ${cut.tries}, taken ${moment(cut.takenAt)};
              ${count(cut.commitsSeen)} commits before and ${count(cut.commitsUnseen)} after the cut looked
              at${fenceOf === undefined ? '' : html`; recorded by drill <code>${fenceOf}</code>`}
            </dd>`
    }
    ${
      beyond === undefined
        ? undefined
        : html`<dt>Behind the fence</dt>
            <dd>
              ${bytes(beyond.bytes)} of WAL, up to <code>${beyond.toLsn}</code>: replayed and checked, not compared with
              the source
            </dd>`
    }
    ${
      rpo === undefined
        ? undefined
        : html`<dt>Simulated failure</dt>
            <dd>
              ${moment(rpo.failureAt)}: the source at <code>${rpo.sourceLsn}</code>, the repository at
              <code>${rpo.repositoryLsn}</code>
            </dd>`
    }
    ${
      rpo?.worst === undefined
        ? undefined
        : html`<dt>Worst RPO since the drill before</dt>
            <dd>${worstRpo(rpo.worst)}</dd>`
    }
  </dl>`;
}

function worstRpo(worst: WorstRpo): Markup {
  if (worst.seconds === undefined) return html`Not known: ${worst.unknown ?? 'no reason given'}.`;
  const { seconds: value, atMostSeconds, segment, committedAt, savedAt, segments, byStream, since, until } = worst;
  return html`${seconds(value)}${atMostSeconds === undefined ? '' : `, perhaps up to ${seconds(atMostSeconds)}`}, from
  ${moment(since)} to ${moment(until)}, by
  ${byStream === true ? 'the record of the stream' : html`the arrival of ${count(segments)} segments`}.
  ${
    segment === undefined || committedAt === undefined || savedAt === undefined
      ? byStream === true
        ? 'The stream was never further behind.'
        : 'It was at the simulated failure itself.'
      : html`Segment <code>${segment}</code>, whose first ${byStream === true ? 'late commit' : 'commit'} is of
          ${moment(committedAt)}, was only saved at ${moment(savedAt)}.`
  }`;
}
