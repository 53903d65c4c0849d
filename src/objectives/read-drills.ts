import { z } from 'zod';

import { readEvidenceFiles } from '../repository/evidence-files.js';
import type { Repository } from '../repository/repository.js';
import { instantSchema } from '../schema/primitives.js';
import { phaseSchema, verdictSchema } from '../schema/results.js';

/** Only what objectives look at, so that evidence of other formats is passed over and not misread. Whole evidence fits it, too. */
const drillSchema = z.object({
  formatVersion: z.literal(1),
  kind: z.literal('drill'),
  id: z.string(),
  finishedAt: instantSchema,
  host: z.string().optional(),
  verdict: verdictSchema,
  /** Where content was compared, and the drill that recorded it, where that was an earlier one. */
  fence: z.object({ lsn: z.string(), takenAt: instantSchema }).optional(),
  fenceOf: z.string().optional(),
  chain: z.array(z.object({ id: z.string(), sizeBytes: z.number() })),
  restoredBytes: z.number().optional(),
  replay: z.object({ replayedBytes: z.number() }).optional(),
  rpo: z.object({ seconds: z.number(), worst: z.object({ seconds: z.number().optional() }).optional() }).optional(),
  clock: z.object({ phases: z.array(phaseSchema), rtoSeconds: z.number().optional() }),
});
export type ObjectiveDrill = z.infer<typeof drillSchema>;

/** The drills that left evidence in the repository, oldest first. What is no drill's evidence, or damaged, proves nothing. */
export async function readDrills(repository: Repository): Promise<ObjectiveDrill[]> {
  const drills = await readEvidenceFiles(repository, drillSchema);
  return drills.sort((a, b) => Date.parse(a.finishedAt) - Date.parse(b.finishedAt));
}
