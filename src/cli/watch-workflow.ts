import type { WorkflowHandle } from '@temporalio/client';

import { follow, type Pending } from '../client/follow.js';
import { seconds } from '../schema/figures.js';
import type { WorkflowProgress } from '../schema/progress.js';
import { approveCommand } from './approve-command.js';
import { PaceMeter } from './pace.js';
import { progressLine } from './progress-line.js';
import { clearLive, colors, live, say, widthOf } from './terminal.js';

/** Where output is no terminal, a long step says at this distance that it is alive. */
const quietReportEveryMs = 10_000;

/** Someone pressed Ctrl-C: following stops, the workflow goes on. */
export class Detached extends Error {}

/**
 * Follows a workflow and prints each step as it goes. Ctrl-C detaches: it never kills a drill. A second Ctrl-C ends this process at once.
 *
 * @param first is done before anything is shown; Ctrl-C detaches then, too.
 * @throws what the workflow ended with, or Detached.
 */
export async function watchWorkflow<T>(handle: WorkflowHandle, first?: () => Promise<void>): Promise<T> {
  const printer = new Printer(handle.workflowId);
  const detach = new AbortController();
  const onInterrupt = (): void => detach.abort(new Detached(handle.workflowId));
  process.once('SIGINT', onInterrupt);
  try {
    await first?.();
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
    process.removeListener('SIGINT', onInterrupt);
  }
}

class Printer {
  private readonly startedAt = performance.now();
  private readonly announced = new Set<string>();
  private readonly pace = new Map<string, PaceMeter>();
  private lastQuietReport = performance.now();
  private running = '';
  private waiting: WorkflowProgress['waiting'];

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
      say(`${this.clock()} ${mark} ${step.padEnd(20)} ${took.padStart(8)}  ${summary ?? ''}`);
    }
    if (waiting !== undefined && this.once(`gate ${waiting.gate} ${waiting.since}`)) {
      say(
        `${this.clock()} ${colors.yellow('?')} waiting at gate ${waiting.gate} until ${waiting.until}: ${waiting.question}`,
      );
      say(`             ${approveCommand(this.workflowId, waiting)}   (or: pgdrill reject …)`);
    }
  }

  beat(pending: readonly Pending[]): void {
    for (const { activity, attempt, lastFailure } of pending) {
      if (lastFailure === undefined || !this.once(`attempt ${activity} ${attempt}`)) continue;
      say(
        `${this.clock()} ${colors.yellow('↻')} ${this.running || activity}, attempt ${attempt}: ${firstLine(lastFailure)}`,
      );
    }
    const width = widthOf(process.stderr);
    const head = `${this.clock()} ${colors.yellow('▶')} ${this.running === '' ? '' : `${this.running}: `}`;
    const room = width === undefined ? undefined : width - 16 - this.running.length;
    const lines = pending.flatMap(({ activity, progress, attempt }) => {
      if (progress === undefined) return [];
      const pace = this.paceOf(activity).add(performance.now(), progress);
      return [`${head}${progressLine(progress, pace, room)}${attempt > 1 ? ` (attempt ${attempt})` : ''}`];
    });
    if (this.waiting !== undefined) lines.push(this.waited(this.waiting));
    live(lines);
    if (width !== undefined || performance.now() - this.lastQuietReport < quietReportEveryMs) return;
    this.lastQuietReport = performance.now();
    for (const line of lines) say(line);
  }

  private waited({ gate, since }: NonNullable<WorkflowProgress['waiting']>): string {
    const waitedSeconds = Math.max(0, (Date.now() - Date.parse(since)) / 1_000);
    return `${this.clock()} ${colors.yellow('?')} gate ${gate} has waited for ${seconds(waitedSeconds)}`;
  }

  private paceOf(activity: string): PaceMeter {
    const meter = this.pace.get(activity) ?? new PaceMeter();
    this.pace.set(activity, meter);
    return meter;
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

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
