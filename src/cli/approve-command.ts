import type { GateRule } from '../schema/approvals.js';
import { shellWord } from '../schema/shell-word.js';

/** What somebody types to approve what is shown now. */
export function approveCommand(
  id: string,
  { seen, rule }: { seen?: string | undefined; rule?: GateRule | undefined },
): string {
  const evidence = seen === undefined ? '' : ` --seen ${seen}`;
  return `pgdrill approve ${shellWord(id)} --by "your name" --reason "why"${evidence}${rule?.signed === true ? ' --sign KEY' : ''}`;
}
