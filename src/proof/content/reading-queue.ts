/**
 * Work for several connections. A worker that finds nothing left waits while another one is still at work, since that may turn out to
 * be work for two.
 */
export class ReadingQueue<Task> {
  readonly #tasks: Task[];
  readonly #waiting: (() => void)[] = [];
  #working = 0;

  constructor(tasks: readonly Task[]) {
    this.#tasks = [...tasks];
  }

  /** Puts work in front of all that waits. */
  addFirst(tasks: readonly Task[]): void {
    this.#tasks.unshift(...tasks);
    this.#wake();
  }

  /** Gives each task to `work` until none is left and nobody works on one that may bring more. */
  async drain(work: (task: Task) => Promise<void>): Promise<void> {
    for (;;) {
      const task = this.#tasks.shift();
      if (task === undefined) {
        if (this.#working === 0) return;
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
        continue;
      }
      this.#working += 1;
      try {
        await work(task);
      } finally {
        this.#working -= 1;
        if (this.#working === 0) this.#wake();
      }
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
