import type { GateRule } from './approvals.js';
import type { Approval, Sandbox, Verdict } from './results.js';
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

/** A gate that waits. What is optional is absent in runs of earlier pgdrills. */
export interface Waiting {
  gate: AnswerableGate;
  since: string;
  until: string;
  question: string;
  /** The digest of what is shown: an answer that names another one was given on something else. */
  seen?: string;
  rule?: GateRule;
  /** Who has approved so far, where more than one has to. */
  approvedBy?: string[];
  /** Why the last answer did not count: whoever sent a signal sees it nowhere else. */
  refused?: string;
}

/** The answer of the query `progress`. */
export interface WorkflowProgress {
  kind:
    | 'backup'
    | 'drill'
    | 'recover'
    | 'extract'
    | 'sabotage drill'
    | 'retention'
    | 'verification'
    | 'stream'
    | 'consolidation';
  cluster: string;
  steps: StepProgress[];
  /** The gate that waits for a human now, and until when. */
  waiting?: Waiting;
  /** The restored server, from when it is prepared: a directory of the worker's host that only its user and root get into. */
  sandbox?: Pick<Sandbox, 'socketDirectory' | 'port' | 'superuser'>;
  approvals: Approval[];
  verdict?: Verdict;
  /** Why the verdict is not `passed`, the weightiest first; absent in runs of earlier pgdrills. */
  reasons?: string[];
}
