import { anybody } from '../src/schema/approvals.js';
import { seconds } from '../src/schema/figures.js';
import type { StepProgress, WorkflowProgress } from '../src/schema/progress.js';
import type { Approval } from '../src/schema/results.js';
import { shellWord } from '../src/schema/shell-word.js';

const marks = { pending: '·', running: '▶', done: '✔', failed: '✘', skipped: '–' };

/** What the Web UI shows of a run (tab User Metadata): Markdown, the thing that a person has to do first. */
export function renderDetails(progress: WorkflowProgress, workflowId: string): string {
  const { kind, cluster, steps, approvals, verdict, reasons = [] } = progress;
  const last = steps.at(-1);
  const phase = last === undefined ? '' : ` · ${last.state === 'running' ? 'now' : 'last'}: ${last.step}`;
  return [
    ...waitingFor(progress, workflowId),
    `**${kind} of ${cluster}**${phase}${verdict === undefined ? '' : ` · **verdict: ${verdict}**`}`,
    ...reasons.flatMap((reason) => ['', reason]),
    '',
    ...inOrder([...steps.map(line), ...approvals.map(decisionLine)]),
    ...(last?.state === 'running' ? ['', 'How far it is: tab _Pending Activities_ (heartbeat details).'] : []),
  ].join('\n');
}

interface Line {
  /** When it began; a step that has not begun comes last. */
  from?: string | undefined;
  text: string;
}

function inOrder(lines: readonly Line[]): string[] {
  const began = ({ from }: Line): number => (from === undefined ? Infinity : Date.parse(from));
  return lines
    .toSorted((one, other) => (began(one) < began(other) ? -1 : Number(began(one) > began(other))))
    .map(({ text }) => text);
}

function line({ step, state, summary, startedAt, finishedAt }: StepProgress): Line {
  const took = startedAt === undefined || finishedAt === undefined ? '' : ` (${between(startedAt, finishedAt)})`;
  return { from: startedAt, text: `- ${marks[state]} **${step}**${took}${summary ? ` — ${summary}` : ''}` };
}

function decisionLine({ gate, decision, by, reason, openedAt, decidedAt }: Approval): Line {
  const why = reason === '' ? '' : `: ${reason}`;
  const said = decision === 'approved' || decision === 'rejected' ? `${decision} by ${by}${why}` : `${decision}${why}`;
  return { from: openedAt, text: `- ◆ **gate ${gate}** (${between(openedAt, decidedAt)}) — ${said}` };
}

function between(from: string, to: string): string {
  return seconds((Date.parse(to) - Date.parse(from)) / 1_000);
}

function waitingFor({ waiting }: WorkflowProgress, workflowId: string): string[] {
  if (waiting === undefined) return [];
  const { gate, until, question, seen, refused, rule = anybody, approvedBy = [] } = waiting;
  const input = { gate, by: 'your name', reason: 'why', ...(seen === undefined ? {} : { seen }) };
  const id = shellWord(workflowId);
  const some = approvedBy.length === 0 ? 'nobody so far' : `so far ${approvedBy.join(' and ')}`;
  return [
    `**Waiting for a human at gate \`${gate}\`** until ${until}. If nobody answers, the run stops here and ${gate === 'cutover' ? 'keeps the server, stopped' : 'cleans up'}.`,
    '',
    question,
    '',
    ...(gate === 'cutover' ? [`To look around first, read-only, on its host: \`pgdrill psql ${id}\`.`, ''] : []),
    ...(gate === 'promote'
      ? [
          `To look around first, read-only, on its host: \`pgdrill psql ${id}\`. To go on to a later target: \`pgdrill retarget ${id} --target …\``,
          '',
        ]
      : []),
    ...(rule.by === undefined ? [] : [`May answer: ${rule.by.join(', ')}.`, '']),
    ...(rule.count === 1 ? [] : [`${rule.count} different people have to approve: ${some}.`, '']),
    ...(refused === undefined ? [] : [`**The last answer does not count.** ${refused}`, '']),
    ...(rule.signed
      ? ['**How to answer**: approvals have to be signed. In a shell:', '']
      : [
          '**How to answer**: _More Actions_, _Send an Update_ (it answers at once) or _Send a Signal_, `approve` or `reject`, with this input:',
          '',
          '```json',
          typed(input),
          '```',
          'or in a shell:',
          '',
        ]),
    '```sh',
    `pgdrill approve ${id} --reason "why"${seen === undefined ? '' : ` --seen ${seen}`}${rule.signed ? ' --sign ~/.ssh/id_ed25519' : ''}`,
    '```',
    '',
  ];
}

/** JSON as people type it. */
function typed(input: Record<string, unknown>): string {
  return `{${Object.entries(input)
    .map(([key, value]) => `"${key}": ${JSON.stringify(value)}`)
    .join(', ')}}`;
}
