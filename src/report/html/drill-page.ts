import { renderHandOver } from '../../hand-over/render.js';
import { bytes, count, seconds } from '../../schema/figures.js';
import type { Evidence } from '../../schema/evidence.js';
import type { Check, WorstRpo } from '../../schema/results.js';
import { titleOf } from '../../proof/verdict.js';
import { boundBy } from '../bound-by.js';
import { chainPicture, replayCurve, timeline } from './drill-pictures.js';
import { html, type Markup } from './markup.js';
import { breakable, moment, page, table, tag } from './page.js';
import { told } from './timeline-spans.js';

/** The evidence of one drill or recovery as one HTML file: everything in it is from the evidence, nothing from the network. */
export async function renderDrillPage(evidence: Evidence): Promise<string> {
  const { id, kind, cluster, startedAt, finishedAt, host } = evidence;
  return page(
    `${evidence.verdict}: ${kind} ${id} of ${cluster}`,
    html`
      <header>
        <h1>${{ drill: 'Drill', recovery: 'Recovery', extraction: 'Extraction' }[kind]} of cluster ${cluster}</h1>
        <p class="muted">
          <code>${id}</code>, ${moment(startedAt)} to ${moment(finishedAt)}${host === undefined ? '' : `, on ${host}`}
        </p>
      </header>
      ${verdictOf(evidence)} ${scenarioOf(evidence)} ${figures(evidence)}
      <h2>Where the time went</h2>
      ${await timeline(evidence)} ${phaseTable(evidence)}
      <h2>Chain</h2>
      ${chainPicture(evidence)}
      <h2>Replay</h2>
      ${await replayCurve(evidence)} ${fence(evidence)}
      <h2>Checks</h2>
      ${checks(evidence)}
      <h2>What was not covered</h2>
      ${notCovered(evidence)}
      <h2>Approvals</h2>
      ${approvals(evidence)}
      <h2>Findings</h2>
      ${findings(evidence)} ${sheet(evidence)}
      <h2>Run it again</h2>
      <pre><code>${evidence.rerun}</code></pre>
      ${details(evidence)}
    `,
  );
}

/** For who reads such a page for the first time. */
const meanings: Readonly<Record<Evidence['verdict'], string>> = {
  passed: 'Every check came out right. What was not covered stands below.',
  failed: 'A check found something wrong, or the backup did not restore.',
  unproven:
    'Something could not be checked, or was stopped: it says neither that the backup is good nor that it is bad.',
};

function verdictOf({ kind, verdict, reasons }: Evidence): Markup {
  return html`<section class="verdict ${verdict}" aria-label="Verdict">
    <strong>${verdict}</strong>${kind === 'drill' ? html`<p class="small">${meanings[verdict]}</p>` : undefined}
    ${reasons.map((reason) => html`<p>${reason}</p>`)}
  </section>`;
}

function scenarioOf({ scenario }: Evidence): Markup {
  if (scenario === undefined) return html``;
  const { rotation } = scenario;
  return html`<p>Scenario <strong>${scenario.name}</strong>: ${scenario.why}.</p>
    ${
      rotation === undefined
        ? undefined
        : html`<details>
            <summary>What the rotation chose among</summary>
            ${table(
              ['Scenario', 'Last proven', 'Last restored without a failure', 'Not possible because'],
              rotation.map(({ name, provenAt, restoredAt, impossible }) => [
                name,
                provenAt === undefined ? 'never' : moment(provenAt),
                restoredAt === undefined ? 'never' : moment(restoredAt),
                impossible ?? '',
              ]),
            )}
          </details>`
    }`;
}

function figures(evidence: Evidence): Markup {
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

function sheet({ cluster, handOver }: Evidence): Markup | undefined {
  if (handOver === undefined) return undefined;
  return html`<h2>Hand-over</h2>
    <pre><code>${renderHandOver(cluster, handOver)}</code></pre>`;
}

function objective({ objectives }: Evidence, name: 'rto' | 'rpo'): Markup {
  const found = objectives.find((each) => each.name === name);
  if (found?.objective === undefined) return html`no objective set`;
  return html`objective ${found.objective} ${tag(found.status)}`;
}

function phaseTable({ clock, estimate }: Evidence): Markup {
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

function fence({ fence: cut, fenceOf, beyond, rpo, replay }: Evidence): Markup {
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

function checks(evidence: Evidence): Markup {
  if (evidence.checks.length === 0) return html`<p>No check was made.</p>`;
  return table(
    ['Check', 'Status', 'Result', 'Took'],
    evidence.checks.map((check) => [titleOf(check), tag(check.status), checkResult(check), seconds(check.seconds)]),
  );
}

function checkResult({ at, summary, figures: numbers, problems, moreProblems = 0 }: Check): Markup {
  const told = Object.entries(numbers);
  return html`${summary}
  ${
    told.length === 0
      ? undefined
      : html`<br /><span class="small muted"
            >${told.map(([name, value]) => `${words(name)} ${typeof value === 'number' ? figureOf(name, value) : value}`).join(' · ')}</span
          >`
  }
  ${
    problems.length === 0
      ? undefined
      : html`<ul>
          ${problems.map(({ object, detail }) => html`<li><code>${object}</code>: ${detail}</li>`)}
          ${moreProblems === 0 ? undefined : html`<li>and ${count(moreProblems)} more, in ${at === undefined ? 'problems.json' : 'problems-at-fence.json'} beside the evidence</li>`}
        </ul>`
  }`;
}

/** `sizeBytes` is a name for programs; people read `size bytes`. */
function words(name: string): string {
  return name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase();
}

function figureOf(name: string, value: number): string {
  if (/bytes$/i.test(name)) return bytes(value);
  return Number.isInteger(value) ? count(value) : String(value);
}

function notCovered({ notCompared, checks: all }: Evidence): Markup {
  const open = all
    .filter(({ status }) => status === 'unproven')
    .map((check) => `check ${titleOf(check)}: ${check.summary}`);
  const list = [...open, ...notCompared];
  if (list.length > 0)
    return html`<ul>
      ${list.map((each) => html`<li>${each}</li>`)}
    </ul>`;
  return all.length === 0
    ? html`<p>Nothing was compared at all: no check was made.</p>`
    : html`<p>The checks above name nothing that they left out.</p>`;
}

function approvals({ approvals: all }: Evidence): Markup {
  if (all.length === 0) return html`<p>No gate was set: nobody was asked.</p>`;
  return table(
    ['Gate', 'Decision', 'Who', 'Why', 'Asked', 'Decided'],
    all.map((approval) => [
      approval.gate,
      tag(approval.decision),
      approval.by,
      why(approval),
      moment(approval.openedAt),
      moment(approval.decidedAt),
    ]),
  );
}

/** The reason; where several people answered, or with a key, each answer in turn. */
function why({ answers, reason }: Evidence['approvals'][number]): Markup {
  if (answers === undefined) return html`${reasonOf(reason)}`;
  return html`<ul>
    ${answers.map(
      ({ did, by, at, reason: own, key, shown }) =>
        html`<li>
          ${by} ${did} at ${moment(at)}:
          ${reasonOf(own)}${key === undefined ? undefined : html`, signed with <code>${key}</code>`}
          ${
            shown === undefined
              ? undefined
              : html`(on evidence <code>${shown.seen}</code>, “${shown.question}”, which has changed
                  since${did === 'approved' ? ': it counts no more' : ''})`
          }
        </li>`,
    )}
  </ul>`;
}

const reasonOf = (reason: string): string => (reason === '' ? 'no reason given' : reason);

function findings({ findings: all }: Evidence): Markup {
  if (all.length === 0) return html`<p>None.</p>`;
  const grave = all.filter(({ level }) => level !== 'ok');
  const fine = all.filter(({ level }) => level === 'ok');
  const list = (some: typeof all): Markup =>
    table(
      ['Finding', 'Level', 'What'],
      some.map(({ name, level, message, fix }) => [
        breakable(name),
        tag(level),
        html`${message}${fix === undefined ? undefined : html`<pre><code>${fix}</code></pre>`}`,
      ]),
    );
  return html`${grave.length === 0 ? html`<p>No warning and no error.</p>` : list(grave)}
  ${
    fine.length === 0
      ? undefined
      : html`<details>
          <summary>${fine.length} that are in order</summary>
          ${list(fine)}
        </details>`
  }`;
}

function details(evidence: Evidence): Markup {
  const { versions, target, input, workflowId, runId, previous, sha256, formatVersion } = evidence;
  return html`<h2>Versions and settings</h2>
    <dl>
      <dt>pgdrill</dt>
      <dd>${versions.pgdrill}</dd>
      <dt>PostgreSQL (source)</dt>
      <dd>${versions.sourcePostgres ?? 'not asked'}</dd>
      <dt>PostgreSQL (sandbox)</dt>
      <dd>${versions.sandboxPostgres}</dd>
      <dt>Node.js</dt>
      <dd>${versions.node}</dd>
      ${
        evidence.restoredBytes === undefined
          ? undefined
          : html`<dt>Restored</dt>
              <dd>${bytes(evidence.restoredBytes)}</dd>`
      }
      ${Object.entries(target?.settings ?? {}).map(
        ([name, value]) =>
          html`<dt>${name}</dt>
            <dd><code>${value}</code></dd>`,
      )}
      <dt>Workflow</dt>
      <dd><code>${workflowId}</code>, run <code>${runId}</code></dd>
    </dl>
    <details>
      <summary>The input of the workflow</summary>
      <pre><code>${JSON.stringify(input, null, 2)}</code></pre>
    </details>
    <h2>Evidence</h2>
    <dl>
      <dt>Format version</dt>
      <dd>${formatVersion}</dd>
      <dt>SHA-256</dt>
      <dd><code>${sha256 ?? 'none: an earlier pgdrill wrote it, before the digest chain began'}</code></dd>
      <dt>Builds on</dt>
      <dd>
        ${previous === undefined ? (sha256 === undefined ? 'nothing' : 'nothing: the digest chain begins here') : html`<code>${previous.id}</code><br /><code>${previous.sha256}</code>`}
      </dd>
    </dl>
    <p class="small muted">
      This page shows evidence.json; to check that nobody changed it: pgdrill evidence verify ${evidence.cluster}
    </p>`;
}
