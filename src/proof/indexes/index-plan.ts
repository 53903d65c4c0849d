import { z } from 'zod';

/** The part of `explain (format json)` that says what is read, and how. */
interface PlanNode {
  'Node Type': string;
  'Index Name'?: string | undefined;
  'Relation Name'?: string | undefined;
  Plans?: PlanNode[] | undefined;
}

const planNode: z.ZodType<PlanNode> = z.object({
  'Node Type': z.string(),
  'Index Name': z.string().optional(),
  'Relation Name': z.string().optional(),
  get Plans() {
    return z.array(planNode).optional();
  },
});
const explained = z.tuple([z.object({ Plan: planNode })]);

export interface PlannedRead {
  indexOnly: boolean;
  index: string | undefined;
}

/** What a plan reads at its leaves, by which index or none. */
export function plannedReads(explanation: unknown): PlannedRead[] {
  return leaves(explained.parse(explanation)[0].Plan).map((node) => ({
    indexOnly: node['Node Type'] === 'Index Only Scan',
    index: node['Index Name'],
  }));
}

function leaves(node: PlanNode): PlanNode[] {
  const children = node.Plans ?? [];
  return children.length === 0 ? [node] : children.flatMap(leaves);
}
