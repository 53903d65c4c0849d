/** Something that a run left on a host. */
export interface Leftover {
  what: string;
  cluster?: string;
  workflowId?: string;
  runId?: string;
  /** Why it was removed or kept. */
  why: string;
}

/** What a person has to see to. */
export interface ToDo extends Leftover {
  todo: string;
}

/** What the janitor found. With `dryRun`, `removed` is what it would have removed. */
export interface SweepReport {
  dryRun: boolean;
  removed: Leftover[];
  kept: Leftover[];
  /** Nobody owns it, but only a person may decide about it. */
  refused: ToDo[];
  /** It should be gone, and is not. */
  failed: ToDo[];
}
