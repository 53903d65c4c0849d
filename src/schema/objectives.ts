import { z } from 'zod';

import { instantSchema } from './primitives.js';

/** What the RTO is expected to be at a day to come. */
export const forecastPointSchema = z.object({
  /** After the last drill; 0: one that were run now. */
  days: z.number().nonnegative(),
  at: instantSchema,
  seconds: z.number().nonnegative(),
  /** Where a single drill of that day will be, with a probability of 95 %. */
  lowSeconds: z.number().nonnegative(),
  highSeconds: z.number().nonnegative(),
});
export type ForecastPoint = z.infer<typeof forecastPointSchema>;

export const forecastSchema = z.discriminatedUnion('status', [
  z.object({ status: z.literal('too few drills'), drills: z.number().int(), basis: z.string() }),
  z.object({
    status: z.literal('forecast'),
    drills: z.number().int(),
    /** A sentence: from what it is made, and what was left out. */
    basis: z.string(),
    secondsPerGigabyte: z.array(z.object({ of: z.string(), seconds: z.number() })),
    next: forecastPointSchema,
    points: z.array(forecastPointSchema),
    /** How far ahead was looked for the objective to be missed. */
    watchedDays: z.number().optional(),
    /** Days from the last drill until the expected RTO is beyond the objective; absent where it is not within `watchedDays`. */
    missedInDays: z.number().optional(),
    /** The same for the upper end of the interval. */
    atRiskInDays: z.number().optional(),
  }),
]);
export type Forecast = z.infer<typeof forecastSchema>;

export const objectiveStatusSchema = z.enum(['met', 'missed', 'unknown']);
export type ObjectiveStatus = z.infer<typeof objectiveStatusSchema>;

/** One objective of a cluster, as it stands now. */
export const standingObjectiveSchema = z.object({
  name: z.enum(['rto', 'rpo', 'proven_within']),
  /** As it is written in the configuration; absent where nothing was demanded. */
  objective: z.string().optional(),
  limitSeconds: z.number().optional(),
  actualSeconds: z.number().optional(),
  /** Against the limit; `unknown` where either is missing. */
  status: objectiveStatusSchema,
  /** How that is known. */
  how: z.string(),
  /** The drill that says so. */
  drill: z.string().optional(),
});
export type StandingObjective = z.infer<typeof standingObjectiveSchema>;

/** Is a cluster within its objectives, and how is that known. */
export const clusterObjectivesSchema = z.object({
  cluster: z.string(),
  at: instantSchema,
  /** Over the objectives that are set: missed where any is, unknown where any is or none is set, else met. */
  status: objectiveStatusSchema,
  objectives: z.array(standingObjectiveSchema),
  forecast: forecastSchema,
  /** What would bring the RTO back under its objective; empty where it need not. */
  remedies: z.array(z.string()),
});
export type ClusterObjectives = z.infer<typeof clusterObjectivesSchema>;
