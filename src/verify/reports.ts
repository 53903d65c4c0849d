import type { Repository } from '../repository/repository.js';
import { type Verification, verificationSchema } from '../schema/verification.js';

const folder = 'verify';

export function verificationKey(id: string): string {
  return `${folder}/${id}.json`;
}

/** The verifications of a repository, oldest first. What cannot be read is passed over. */
export async function listVerifications({ storage }: Repository): Promise<Verification[]> {
  const all: Verification[] = [];
  for (const name of await storage.list(folder)) {
    if (!name.endsWith('.json')) continue;
    const text = await storage.readText(`${folder}/${name}`);
    try {
      const parsed = verificationSchema.safeParse(JSON.parse(text ?? ''));
      if (parsed.success) all.push(parsed.data);
    } catch {
      continue; // cut short or no JSON
    }
  }
  return all.sort((a, b) => Date.parse(a.finishedAt) - Date.parse(b.finishedAt));
}
