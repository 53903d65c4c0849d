import { z } from 'zod';

import { evidenceSchema } from '../schema/evidence.js';

/** The JSON Schema of evidence, as docs/evidence-1.schema.json publishes it. The number is `formatVersion`: it rises when readers would break. */
export function renderEvidenceSchema(): string {
  // `input`: what lies in the file, before pgdrill reads it.
  const schema = z.toJSONSchema(evidenceSchema, { io: 'input', target: 'draft-2020-12' });
  const named = { $id: 'urn:pgdrill:evidence:1', title: 'Evidence of a pgdrill drill or recovery', ...schema };
  return `${JSON.stringify(named, null, 2)}\n`;
}
