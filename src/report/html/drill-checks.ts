import { titleOf } from '../../proof/verdict.js';
import type { Evidence } from '../../schema/evidence.js';
import { bytes, count, seconds } from '../../schema/figures.js';
import type { Check } from '../../schema/results.js';
import { html, type Markup } from './markup.js';
import { breakable, table, tag } from './page.js';

/** Each check with its status, its figures and, where it failed, what it found. */
export function checks(evidence: Evidence): Markup {
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

/** What `passed` does not speak of. */
export function notCovered({ notCompared, checks: all }: Evidence): Markup {
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

/** What the steps and the doctor noticed; what is in order is folded away. */
export function findings({ findings: all }: Evidence): Markup {
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
