import { hostname } from 'node:os';

import { z } from 'zod';

import { readEvidenceFiles } from '../repository/evidence-files.js';
import type { Repository } from '../repository/repository.js';
import { type EstimatedPhase, judgedEstimateSchema } from '../schema/estimate.js';
import type { Sample } from './rates.js';
import type { PastEstimate } from './track-record.js';

/** What restores of this host took, phase by phase. */
export interface PastRestores {
  count: number;
  samples: Partial<Record<EstimatedPhase, Sample[]>>;
  /** What had been estimated for them, newest first, beside what came of it. */
  estimates: PastEstimate[];
}

/** Only what is needed here, so that evidence of other formats is passed over and not misread. */
const evidenceSchema = z.object({
  formatVersion: z.literal(1),
  finishedAt: z.string(),
  /** Absent in evidence of earlier pgdrills. */
  host: z.string().optional(),
  clock: z.object({
    phases: z.array(z.object({ name: z.string(), seconds: z.number(), bytes: z.number().optional() })),
    rtoSeconds: z.number(),
    otherSeconds: z.number().optional(),
  }),
  estimate: judgedEstimateSchema
    .pick({ seconds: true, actualSeconds: true, ratio: true, restores: true })
    .optional()
    .catch(undefined),
});
type PastRestore = z.infer<typeof evidenceSchema>;

/** What was long ago was another machine, with other data. */
export const mostRestores = 20;
/** Reading evidence is part of the RTO of every restore that is planned. */
const mostFiles = 100;

/** The newest restores of this host that came as far as a server that took writes, from the evidence in the repository. */
export async function listPastRestores(repository: Repository): Promise<PastRestores> {
  const restores = await readEvidenceFiles(repository, evidenceSchema, newestNames);
  return samplesOf(restores.filter(({ host }) => host === undefined || host === hostname()));
}

/** @param restores in any order. */
export function samplesOf(restores: readonly Omit<PastRestore, 'formatVersion'>[]): PastRestores {
  const newest = [...restores]
    .sort((a, b) => Date.parse(b.finishedAt) - Date.parse(a.finishedAt))
    .slice(0, mostRestores);
  const samples: PastRestores['samples'] = {};
  for (const { clock } of newest) {
    for (const { name, seconds, bytes } of clock.phases)
      if (isEstimated(name)) (samples[name] ??= []).push({ seconds, bytes });
    if (clock.otherSeconds !== undefined) (samples.other ??= []).push({ seconds: clock.otherSeconds });
  }
  const estimates = newest.flatMap(({ estimate }) => (estimate === undefined ? [] : [estimate]));
  return { count: newest.length, samples, estimates };
}

function isEstimated(name: string): name is EstimatedPhase {
  return ['plan', 'verify', 'combine', 'replay', 'open'].includes(name);
}

/** Names mostly hold the time at which their run was started. */
function newestNames(names: readonly string[]): string[] {
  const timeIn = (name: string): string => /\d{4}-\d\d-\d\d[T-]?[\d:-]*/.exec(name)?.[0].replaceAll(/\D/g, '') ?? '';
  return [...names].sort((a, b) => timeIn(b).localeCompare(timeIn(a))).slice(0, mostFiles);
}
