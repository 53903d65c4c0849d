import type { Verdict } from '../../src/schema/results.js';
import type { Row } from './rows.js';
import type { Props, Scene } from './scene.js';

/** How a run ends. `as ever`: passed, recovered, or a backup. */
export type Ending = 'as ever' | 'cancelled' | 'terminated' | 'timed out' | { failed: string; verdict?: Verdict };

/** A fault of the matrix. */
export interface Fault {
  name: string;
  /** Why there is no such cell; undefined where there is one. */
  without: (row: Row) => string | undefined;
  props?: (row: Row) => Props;
  /** Has a Temporal server of its own, since it hurts it. */
  ownTemporal?: true;
  /** Where the step is held when it strikes; undefined: at the gate. */
  point: (row: Row) => string | undefined;
  /** Strikes, and lets go on whoever can. */
  strike: (scene: Scene, barrier: string) => Promise<void>;
  /** How the run ends. Default: as ever. */
  ending?: (row: Row) => Ending;
  /** The attempts that the struck step may need, at least and at most. */
  attempts: (row: Row) => [number, number];
  /** Why another step than the struck one may have been tried again: what Temporal noted of its last attempt but one. Default: none may. */
  repeatsOthers?: (row: Row) => RegExp | undefined;
  /** Extra expectations, when all is over. */
  afterwards?: (scene: Scene, ended: Ended) => Promise<void>;
  /** Nobody tidies up at once. */
  leavesToJanitor?: true;
  /** Milliseconds after which Temporal gives the workflow up. */
  workflowTimeoutMs?: number;
  /** Its clock cannot be compared with Temporal's. */
  clockIsOff?: true;
}

/** What a workflow answered, as far as these tests look at it; or how it failed. */
export interface Ended {
  status: string;
  result?: { verdict?: string; outcome?: string; id?: string; rtoSeconds?: number | undefined };
  failure?: { type: string; message: string };
}
