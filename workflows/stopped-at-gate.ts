import type { Approval } from '../src/schema/results.js';

/** A human said no, or nobody answered: the workflow stops here, on purpose. */
export class StoppedAtGate extends Error {
  constructor(readonly approval: Approval) {
    super(`stopped at gate ${approval.gate}: ${approval.decision}`);
  }
}
