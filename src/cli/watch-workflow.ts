import type { WorkflowHandle } from '@temporalio/client';

import { follow } from '../client/follow.js';
import type { Progress } from '../process/step-context.js';
import { bytes, seconds } from '../schema/figures.js';
import type { WorkflowProgress } from '../schema/progress.js';
import { colors, live, say } from './terminal.js';

/** Where output is no terminal, a long step says at this distance that it is alive. */
const quietReportEveryMs = 10_000;

/** Someone pressed Ctrl-C: following stops, the workflow goes on. */
export class Detached extends Error {}

/**
 * Follows a workflow and prints each step as it goes. Ctrl-C detaches: it never kills a drill.
 *
 * @throws what the workflow ended with, or Detached.
 */
export async function watchWorkflow<T>(handle: WorkflowHandle): Promise<T> {
  const printer = new Printer(handle.workflowId);
  const detach = new AbortController();
  const onInterrupt = (): void => detach.abort(new Detached(handle.workflowId));
  process.once('SIGINT', onInterrupt);
  try {
    return await follow<T>(
      handle,
      {
        onProgress: (progress) => printer.show(progress),
        onHeartbeat: (_activity, progress, attempt) => printer.beat(progress, attempt),
      },
      detach.signal,
    );
  } finally {
    process.removeListener('SIGINT', onInterrupt);
  }
}

class Printer {
  private readonly startedAt = performance.now();
  private readonly announced = new Set<string>();
  private lastQuietReport = performance.now();
  private running = '';

  constructor(private readonly workflowId: string) {}

  show({ steps, waiting }: WorkflowProgress): void {
    for (const [index, { step, state, summary, startedAt, finishedAt }] of steps.entries()) {
      if (state === 'running') {
        this.running = step;
        continue;
      }
      if (!this.once(`${index} ${state}`)) continue;
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
      say(`             pgdrill approve ${this.workflowId} --by "your name" --reason "why"   (or: pgdrill reject …)`);
    }
  }

  beat(progress: Progress, attempt: number): void {
    const line = `${this.running}: ${describe(progress)}${attempt > 1 ? ` (attempt ${attempt})` : ''}`;
    live(`${this.clock()} ▶ ${line}`);
    if (process.stderr.isTTY || performance.now() - this.lastQuietReport < quietReportEveryMs) return;
    this.lastQuietReport = performance.now();
    say(`${this.clock()} ▶ ${line}`);
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

function describe({ doing, doneBytes, totalBytes, lsn }: Progress): string {
  const share =
    doneBytes === undefined || !totalBytes
      ? ''
      : `, ${Math.min(100, Math.floor((doneBytes / totalBytes) * 100))} % of ${bytes(totalBytes)}`;
  return `${doing}${lsn === undefined ? '' : ` at ${lsn}`}${share}`;
}
