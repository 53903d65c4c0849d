/**
 * By what runs can be searched in the Temporal Web UI and with `temporal workflow list --query`. All are keywords: a search is for the whole
 * value. Temporal has to know them before a workflow may set them (src/client/search-attributes.ts).
 */
export const searchAttributeNames = {
  cluster: 'PgdrillCluster',
  kind: 'PgdrillKind',
  /** The step that runs, or that ran last. */
  phase: 'PgdrillPhase',
  verdict: 'PgdrillVerdict',
  /** The gate that waits for a human now. */
  gate: 'PgdrillGate',
  target: 'PgdrillTarget',
} as const;

export type SearchAttribute = keyof typeof searchAttributeNames;
