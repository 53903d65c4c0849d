import type { z } from 'zod';

import { keys, type Repository } from './repository.js';

/**
 * What the evidence in a repository says, in the order of its directories' names.
 *
 * @param schema only what the caller needs: evidence of other formats is passed over and not misread, and so is what is damaged or missing.
 * @param choose which directories of evidence, where not all.
 */
export async function readEvidenceFiles<T>(
  { storage }: Pick<Repository, 'storage'>,
  schema: z.ZodType<T>,
  choose: (names: readonly string[]) => readonly string[] = (names) => names,
): Promise<T[]> {
  const found: T[] = [];
  for (const name of choose(await storage.list(keys.evidences))) {
    const text = await storage.readText(keys.evidenceFile(name)).catch(() => undefined);
    const parsed = schema.safeParse(readJson(text));
    if (parsed.success) found.push(parsed.data);
  }
  return found;
}

function readJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
