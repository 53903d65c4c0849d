/** What a long step knows of its surroundings. Activities make one from Temporal's context, the tests make their own. */
export interface StepContext {
  /** Names the step of one workflow run: the same for every attempt, so that finished work is found again. */
  operation: string;
  /** 1 for the first attempt. */
  attempt: number;
  /** Aborted when the step is to stop; its reason is what must be thrown. */
  signal: AbortSignal;
  /** Tells how far the step is; shown as heartbeat details in the Web UI. Cheap: call it as often as you like. */
  progress: (progress: Progress) => void;
}

export interface Progress {
  /** What is being done, as a phrase: `copying`, `verifying 20261122T020000Z-full`. */
  doing: string;
  doneBytes?: number;
  totalBytes?: number;
  lsn?: string;
  /** How far behind it is. */
  lagBytes?: number;
}

/** A context for work outside any workflow: never cancelled, progress goes nowhere. */
export function standaloneContext(operation: string): StepContext {
  return { operation, attempt: 1, signal: new AbortController().signal, progress: () => undefined };
}
