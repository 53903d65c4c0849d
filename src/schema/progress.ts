import type { Approval, Verdict } from './results.js';
import type { AnswerableGate } from './workflow-inputs.js';

export type StepState = 'pending' | 'running' | 'done' | 'failed' | 'skipped';

export interface StepProgress {
  /** The runbook's name of the step. */
  step: string;
  state: StepState;
  startedAt?: string;
  finishedAt?: string;
  /** One line with the step's figures, once it is done: bytes, LSNs. */
  summary?: string;
}

/** The answer of the query `progress`. */
export interface WorkflowProgress {
  kind: 'backup' | 'drill' | 'recover' | 'sabotage drill' | 'retention' | 'verification' | 'stream' | 'consolidation';
  cluster: string;
  steps: StepProgress[];
  /** The gate that waits for a human now, and until when. */
  waiting?: { gate: AnswerableGate; since: string; until: string; question: string };
  approvals: Approval[];
  verdict?: Verdict;
}
