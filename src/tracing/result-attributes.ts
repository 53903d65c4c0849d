import type { Attributes } from '@opentelemetry/api';
import { z } from 'zod';

const phasesSchema = z.array(z.object({ name: z.string(), seconds: z.number(), bytes: z.number().optional() }));

/**
 * What a span tells of a step's result: its numbers (sizes, counts, seconds), the verdict, and its phases. No other text: a span goes to
 * people who see neither the database nor the repository.
 */
export function resultAttributes(result: unknown): Attributes {
  if (typeof result !== 'object' || result === null) return {};
  const attributes: Attributes = {};
  for (const [name, value] of Object.entries(result) as [string, unknown][]) {
    if (typeof value === 'number' || typeof value === 'boolean') attributes[`pgdrill.${name}`] = value;
    else if (name === 'verdict' && typeof value === 'string') attributes['pgdrill.verdict'] = value;
    else if (name === 'phases') {
      for (const { name: phase, seconds, bytes } of phasesSchema.safeParse(value).data ?? []) {
        attributes[`pgdrill.phase.${phase}.seconds`] = seconds;
        if (bytes !== undefined) attributes[`pgdrill.phase.${phase}.bytes`] = bytes;
      }
    }
  }
  return attributes;
}

/** The cluster that a step or a run is about, from its input. */
export function clusterAttribute(input: unknown): Attributes {
  const cluster = typeof input === 'object' && input !== null && 'cluster' in input ? input.cluster : undefined;
  return typeof cluster === 'string' ? { 'pgdrill.cluster': cluster } : {};
}
