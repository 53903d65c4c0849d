import { z } from 'zod';

import { candidateSchema } from './candidate.js';
import { instantSchema } from './primitives.js';
import { scenarioRequests, scenarios } from './vocabulary.js';

export const scenarioNameSchema = z.enum(scenarios);
export type ScenarioName = z.infer<typeof scenarioNameSchema>;

export const scenarioRequestSchema = z.enum(scenarioRequests);
export type ScenarioRequest = z.infer<typeof scenarioRequestSchema>;

interface Asked {
  scenario?: ScenarioRequest | undefined;
  seed?: number | undefined;
  xid?: number | undefined;
  target?: string | undefined;
  chain?: string | undefined;
  backup?: string | undefined;
}

/** What goes against a scenario in what is asked of a drill: the key, and what is wrong with it. */
export function conflictsWithScenario(asked: Asked): { key: keyof Asked; text: string }[] {
  const { scenario = 'now', seed, xid, target = 'fence', chain, backup = 'none' } = asked;
  const conflicts: { key: keyof Asked; text: string }[] = [];
  if (scenario !== 'now' && target !== 'fence')
    conflicts.push({ key: 'target', text: `scenario ${scenario} chooses the target itself: leave one of them out` });
  if (scenario !== 'now' && chain !== undefined)
    conflicts.push({ key: 'chain', text: `scenario ${scenario} chooses the chain itself: leave one of them out` });
  if (seed !== undefined && scenario !== 'random' && scenario !== 'rotate')
    conflicts.push({ key: 'seed', text: `scenario ${scenario} draws nothing: a seed is for scenario random` });
  if (xid !== undefined && scenario !== 'oops')
    conflicts.push({ key: 'xid', text: `scenario ${scenario} undoes no transaction: xid is for scenario oops` });
  if (scenario === 'source-lost' && backup !== 'none')
    conflicts.push({ key: 'backup', text: 'a source that is lost cannot be backed up: leave one of them out' });
  return conflicts;
}

/** What the rotation knew of one scenario when it chose. */
export const scenarioStandingSchema = z.object({
  name: scenarioNameSchema,
  /** When a drill of it passed last; absent where none has. */
  provenAt: instantSchema.optional(),
  /** When a drill of it ended last without a failure. */
  restoredAt: instantSchema.optional(),
  /** Why it could not be drilled this time. */
  impossible: z.string().optional(),
});
export type ScenarioStanding = z.infer<typeof scenarioStandingSchema>;

/** A scenario made concrete: what the drill restores, and why that. */
export const chosenScenarioSchema = z.object({
  name: scenarioNameSchema,
  /** A target as src/schema/target.ts reads it. */
  target: z.string(),
  /** The last backup of the chain that it has to be restored from; absent where the fastest one will do. */
  chain: z.string().optional(),
  /** Whether nothing is known of the source at the target, so that it is compared at a recorded fence on the way there. */
  onTheWay: z.boolean().optional(),
  /** What the choice was drawn with. */
  seed: z.number().int().nonnegative().optional(),
  /** Of `oops`: what is undone. */
  statement: candidateSchema.optional(),
  /** One sentence. */
  why: z.string(),
  /** Why the content cannot be compared, where that is known beforehand. */
  notCompared: z.string().optional(),
  /** Where the rotation chose it: what it chose among, the chosen one first. */
  rotation: z.array(scenarioStandingSchema).optional(),
});
export type ChosenScenario = z.infer<typeof chosenScenarioSchema>;
