import type { Decision } from '../schema/workflow-inputs.js';

/** What an approval's signature is for: one that the same key made for something else (Git, evidence) is none. */
export const approvalNamespace = 'pgdrill-approval';

/** What a person signs: this decision at this gate of this run, on what was shown there. Valid for nothing else. */
export interface Statement extends Pick<Decision, 'gate' | 'by' | 'reason'> {
  workflowId: string;
  runId: string;
  decision: 'approve';
  seen: string;
}

/** The signed text. The order is part of it. */
export function textOf({ workflowId, runId, gate, decision, seen, by, reason }: Statement): string {
  return `${JSON.stringify({ pgdrill: 'approval', workflowId, runId, gate, decision, seen, by, reason })}\n`;
}
