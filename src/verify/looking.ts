import type { StepContext } from '../process/step-context.js';
import type { KeptResults } from './kept-results.js';
import type { Rate } from './rate.js';

/** What every check of a verification reads through: at a bounded rate, counted, and not twice. */
export class Looking {
  private doing = 'looking at the repository';
  private doneBytes = 0;

  constructor(
    private readonly context: StepContext,
    private readonly rate: Rate,
    private readonly kept: KeptResults,
    /** An estimate. */
    private readonly totalBytes: number,
  ) {}

  get signal(): AbortSignal {
    return this.context.signal;
  }

  /** For tools, which report by themselves. */
  get step(): StepContext {
    return this.context;
  }

  at(doing: string): void {
    this.doing = doing;
    this.report();
  }

  /** Counts what was read, and waits where that was too fast. */
  async spent(bytes: number): Promise<void> {
    this.doneBytes += bytes;
    this.report();
    await this.rate.spent(bytes);
  }

  /** Looks, unless an earlier attempt did: then it counts as read. */
  async once<T>(key: string, bytes: number, look: () => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    if (this.kept.has(key)) this.doneBytes += bytes;
    return await this.kept.once(key, look);
  }

  private report(): void {
    this.context.progress({
      doing: this.doing,
      doneBytes: this.doneBytes,
      totalBytes: Math.max(this.totalBytes, this.doneBytes),
    });
  }
}
