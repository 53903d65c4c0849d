import type { Evidence } from '../../schema/evidence.js';
import { html, type Markup } from './markup.js';
import { moment, table, tag } from './page.js';

/** Who answered at which gate, when and why. */
export function approvals({ approvals: all }: Evidence): Markup {
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
