import { keys, type Repository } from '../repository/repository.js';
import { sabotageEvidenceSchema } from '../schema/sabotage.js';
import { type SabotageKind, sabotageKindNames } from '../schema/sabotage-kinds.js';

/** Where a sabotage drill's evidence lies; never where a drill's would be looked for. */
export function sabotageKey(id: string): string {
  return `${keys.evidence(id)}/sabotage.json`;
}

/** The kinds to try: one, all, or all from the seed's on, of which the first that is possible will do. */
export function turnOf(kind: SabotageKind | 'all' | undefined, seed: number): SabotageKind[] {
  if (kind === 'all') return [...sabotageKindNames];
  if (kind !== undefined) return [kind];
  const first = seed % sabotageKindNames.length;
  return [...sabotageKindNames.slice(first), ...sabotageKindNames.slice(0, first)];
}

/** One more than the highest seed of the sabotage drills whose evidence is kept; 0 for the first. */
export async function nextSeed({ storage }: Repository): Promise<number> {
  let next = 0;
  for (const id of await storage.list(keys.evidences)) {
    const text = await storage.readText(sabotageKey(id));
    if (text === undefined) continue;
    const evidence = sabotageEvidenceSchema.safeParse(JSON.parse(text));
    // A seed that somebody chose says nothing about whose turn it is.
    if (evidence.success && evidence.data.input['seed'] === undefined) next = Math.max(next, evidence.data.seed + 1);
  }
  return next;
}
