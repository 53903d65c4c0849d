import { renderHandOver } from '../../hand-over/render.js';
import type { Evidence } from '../../schema/evidence.js';
import { bytes } from '../../schema/figures.js';
import { approvals } from './drill-approvals.js';
import { checks, findings, notCovered } from './drill-checks.js';
import { fence, figures, phaseTable } from './drill-figures.js';
import { chainPicture, replayCurve, timeline } from './drill-pictures.js';
import { html, type Markup } from './markup.js';
import { moment, page, table } from './page.js';

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

function sheet({ cluster, handOver }: Evidence): Markup | undefined {
  if (handOver === undefined) return undefined;
  return html`<h2>Hand-over</h2>
    <pre><code>${renderHandOver(cluster, handOver)}</code></pre>`;
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
