import type { WorkflowHandle } from '@temporalio/client';
import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';

import { follow, type Pending } from '../client/follow.js';
import { minute, seconds } from '../schema/figures.js';
import type { Waiting, WorkflowProgress } from '../schema/progress.js';
import { approveCommand } from './approve-command.js';
import { onInterrupt } from './interrupt.js';
import { PendingLines, retryLine } from './pending-lines.js';
import { clearLive, live } from './live-area.js';
import { colors, say, widthOf } from './terminal.js';

/** Where output is no terminal, a long step says at this distance that it is alive. */
const quietReportEveryMs = 10_000;

/** Less room than this is no column. */
const leastText = 20;

/** Someone pressed Ctrl-C: following stops, the workflow goes on. */
export class Detached extends Error {}

/**
 * Follows a workflow and prints each step as it goes. Ctrl-C detaches: it never kills a drill. A second Ctrl-C ends this process at once.
 *
 * @param begin gives the workflow, such as by starting it: Ctrl-C meanwhile detaches as soon as it has.
 * @throws what the workflow ended with, or Detached.
 */
export async function watchWorkflow<T>(begin: () => Promise<WorkflowHandle>): Promise<T> {
  const detach = new AbortController();
  const release = onInterrupt(() => detach.abort(new Detached('stopped following')));
  try {
    const handle = await begin();
    detach.signal.throwIfAborted();
    const printer = new Printer(handle.workflowId);
    return await follow<T>(
      handle,
      {
        onProgress: (progress) => printer.show(progress),
        onPending: (pending) => printer.beat(pending),
      },
      detach.signal,
    );
  } finally {
    clearLive();
    release();
  }
}

class Printer {
  private readonly startedAt = performance.now();
  private readonly announced = new Set<string>();
  private readonly lines = new PendingLines();
  private lastQuietReport = performance.now();
  private running = '';
  private waiting: Waiting | undefined;

  constructor(private readonly workflowId: string) {}

  show({ steps, waiting }: WorkflowProgress): void {
    this.running = steps.find(({ state }) => state === 'running')?.step ?? '';
    this.waiting = waiting;
    for (const [index, { step, state, summary, startedAt, finishedAt }] of steps.entries()) {
      if (state === 'running' || !this.once(`${index} ${state}`)) continue;
      const took =
        startedAt === undefined || finishedAt === undefined
          ? ''
          : seconds((Date.parse(finishedAt) - Date.parse(startedAt)) / 1_000);
      const mark = state === 'failed' ? colors.red('✘') : colors.green('✔');
      this.say(`${mark} ${step.padEnd(20)} ${took.padStart(8)}`, summary ?? '');
    }
    if (waiting !== undefined && this.once(`gate ${waiting.gate} ${waiting.since}`)) {
      this.say(
        colors.yellow('?'),
        `waiting at gate ${waiting.gate} until ${minute(waiting.until)}: ${waiting.question}`,
      );
      say(`             ${approveCommand(this.workflowId, waiting)}   (or: pgdrill reject …)`);
    }
  }

  beat(pending: readonly Pending[]): void {
    for (const each of pending) {
      const retry = retryLine(each, this.running);
      if (retry !== undefined && this.once(`attempt ${each.activity} ${each.attempt}`)) say(`${this.clock()} ${retry}`);
    }
    const width = widthOf(process.stderr);
    const head = `${this.clock()} ${colors.yellow('▶')} ${this.running === '' ? '' : `${this.running}: `}`;
    const room = width === undefined ? undefined : width - 16 - this.running.length;
    const lines = this.lines.render(pending, { head, room });
    if (this.waiting !== undefined) lines.push(this.waited(this.waiting));
    live(lines);
    if (width !== undefined || performance.now() - this.lastQuietReport < quietReportEveryMs) return;
    this.lastQuietReport = performance.now();
    for (const line of lines) say(line);
  }

  private waited({ gate, since }: Waiting): string {
    const waitedSeconds = Math.max(0, (Date.now() - Date.parse(since)) / 1_000);
    return `${this.clock()} ${colors.yellow('?')} gate ${gate} has waited for ${seconds(waitedSeconds)}`;
  }

  /** A line of the log: what does not fit the terminal goes on below its text. */
  private say(head: string, text: string): void {
    const begin = `${this.clock()} ${head}  `;
    const width = widthOf(process.stderr) ?? Infinity;
    const indent = stringWidth(begin);
    const lines = width - indent < leastText ? [text] : wrapAnsi(text, width - indent).split('\n');
    say(`${begin}${lines.join(`\n${' '.repeat(indent)}`)}`.trimEnd());
  }

  private once(key: string): boolean {
    if (this.announced.has(key)) return false;
    this.announced.add(key);
    return true;
  }

  private clock(): string {
    return colors.dim(`[${((performance.now() - this.startedAt) / 1_000).toFixed(1).padStart(6)} s]`);
  }
}
