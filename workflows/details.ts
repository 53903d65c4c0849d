import { seconds } from '../src/schema/figures.js';
import type { StepProgress, WorkflowProgress } from '../src/schema/progress.js';

const marks = { pending: '·', running: '▶', done: '✔', failed: '✘', skipped: '–' };

/** What the Web UI shows of a run (tab User Metadata): Markdown, the thing that a person has to do first. */
export function renderDetails(progress: WorkflowProgress, workflowId: string): string {
  const { kind, cluster, steps, verdict } = progress;
  const last = steps.at(-1);
  const phase = last === undefined ? '' : ` · ${last.state === 'running' ? 'now' : 'last'}: ${last.step}`;
  return [
    ...waitingFor(progress, workflowId),
    `**${kind} of ${cluster}**${phase}${verdict === undefined ? '' : ` · **verdict: ${verdict}**`}`,
    '',
    ...steps.map(line),
    ...(last?.state === 'running' ? ['', 'How far it is: tab _Pending Activities_ (heartbeat details).'] : []),
  ].join('\n');
}

function line({ step, state, summary, startedAt, finishedAt }: StepProgress): string {
  const took =
    startedAt === undefined || finishedAt === undefined
      ? ''
      : ` (${seconds((Date.parse(finishedAt) - Date.parse(startedAt)) / 1_000)})`;
  return `- ${marks[state]} **${step}**${took}${summary ? ` — ${summary}` : ''}`;
}

function waitingFor({ waiting }: WorkflowProgress, workflowId: string): string[] {
  if (waiting === undefined) return [];
  const { gate, until, question } = waiting;
  return [
    `**Waiting for a human at gate \`${gate}\`** until ${until}. If nobody answers, the run stops here and cleans up.`,
    '',
    question,
    '',
    '**How to answer**: _More Actions_, _Send a Signal_, name `approve` (or `reject`), with this input:',
    '',
    '```json',
    JSON.stringify({ gate, by: 'your name', reason: 'why' }),
    '```',
    `In a shell: \`pgdrill approve ${workflowId} --reason "why"\``,
    '',
  ];
}
