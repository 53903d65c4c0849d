import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { writeFileDurably } from '../files/durable.js';
import type { Sandbox } from '../schema/results.js';

const verifiedSchema = z.object({ operation: z.string(), links: z.record(z.string(), z.string()) });

/**
 * Which links of a chain an earlier attempt of the same operation has verified, by id and manifest: reading hundreds of gigabytes again
 * because a worker died afterwards would only cost time. Another operation reads them anew.
 */
export async function readVerifiedLinks(sandbox: Sandbox, operation: string): Promise<Map<string, string>> {
  try {
    const kept = verifiedSchema.parse(JSON.parse(await readFile(pathOf(sandbox), 'utf8')));
    return new Map(kept.operation === operation ? Object.entries(kept.links) : []);
  } catch {
    return new Map(); // none, or not to be trusted: verified again
  }
}

export async function keepVerifiedLinks(
  sandbox: Sandbox,
  operation: string,
  links: ReadonlyMap<string, string>,
): Promise<void> {
  await writeFileDurably(pathOf(sandbox), JSON.stringify({ operation, links: Object.fromEntries(links) }));
}

function pathOf({ directory }: Sandbox): string {
  return join(directory, 'verified.json');
}
