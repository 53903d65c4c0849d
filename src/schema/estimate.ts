import { z } from 'zod';

/** What of a restore is estimated: its phases, and what goes by between them (`other`). */
export const estimatedPhases = ['plan', 'verify', 'combine', 'replay', 'open', 'other'] as const;
export type EstimatedPhase = (typeof estimatedPhases)[number];

/** How long a restore will take, and from what that is known. */
export const estimateSchema = z.object({
  /** From the order until the server takes writes: the RTO that is expected. */
  seconds: z.number().nonnegative(),
  /** How many restores of this host it rests on; 0: it is a guess. */
  restores: z.number().int().nonnegative(),
  /** A sentence: from what it is made. */
  basis: z.string(),
  phases: z.array(
    z.object({
      name: z.enum(estimatedPhases),
      seconds: z.number().nonnegative(),
      bytes: z.number().nonnegative().optional(),
      /** True where this host has not shown yet how fast it is at that. */
      guess: z.boolean(),
    }),
  ),
});
export type Estimate = z.infer<typeof estimateSchema>;

/** An estimate beside what came of it. */
export const judgedEstimateSchema = estimateSchema.extend({
  actualSeconds: z.number().nonnegative(),
  /** Actual to estimated: above 1 it took longer. */
  ratio: z.number().nonnegative(),
});
export type JudgedEstimate = z.infer<typeof judgedEstimateSchema>;
