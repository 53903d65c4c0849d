import { readEvidenceFiles } from '../repository/evidence-files.js';
import type { Repository } from '../repository/repository.js';
import { evidenceSchema } from '../schema/evidence.js';
import type { Verdict } from '../schema/results.js';
import { scenarioNameSchema, type ScenarioName } from '../schema/scenario.js';
import { z } from 'zod';

/** A drill of a scenario, as its evidence tells. */
export interface PastDrill {
  scenario: ScenarioName;
  finishedAt: string;
  verdict: Verdict;
  /** Whether a server took writes at its end. */
  restored: boolean;
}

/** Only what is needed here, so that evidence of other formats is passed over and not misread. */
const drillEvidence = evidenceSchema
  .pick({ formatVersion: true, finishedAt: true, verdict: true, input: true })
  .extend({
    kind: z.literal('drill'),
    clock: z.object({ rtoSeconds: z.number().optional() }),
    scenario: z.object({ name: scenarioNameSchema }).optional(),
  });

/** The drills that rehearsed a scenario, in any order. One to the fence without any, as all were once, rehearsed `now`. */
export async function listPastDrills(repository: Repository): Promise<PastDrill[]> {
  const drills: PastDrill[] = [];
  for (const { finishedAt, verdict, clock, input, scenario } of await readEvidenceFiles(repository, drillEvidence)) {
    const fallback = input['target'] === 'fence' && (input['scenario'] ?? 'now') === 'now' ? 'now' : undefined;
    const rehearsed = scenario?.name ?? fallback;
    if (rehearsed === undefined) continue;
    drills.push({ scenario: rehearsed, finishedAt, verdict, restored: clock.rtoSeconds !== undefined });
  }
  return drills;
}
