import { z } from 'zod';

import { keys, type Repository } from '../../repository/repository.js';
import { digestOf, type RawEvidence } from './digest.js';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
export const namedSchema = z.object({ id: z.string(), sha256 });
/** Only what the chain needs: evidence of every format has it. */
const linkSchema = z.object({
  id: z.string(),
  finishedAt: z.string(),
  runId: z.string().optional(),
  previous: namedSchema.optional(),
  sha256: sha256.optional(),
});

export type Named = z.infer<typeof namedSchema>;

/** One evidence of the repository as a link of the digest chain. */
export interface Link extends z.infer<typeof linkSchema> {
  /** Its directory's name. */
  name: string;
  /** What its content has now; equal to `sha256` where nobody changed it. */
  digest: string;
}

/** What was read of one directory of evidence: a link, or why it is none. */
export type ReadLink = Link | { name: string; unreadable: string };

/** Reads all evidence of drills and recoveries. Directories without an evidence.json (sabotage drills, drills in progress) are no evidence. */
export async function readLinks({ storage }: Repository): Promise<ReadLink[]> {
  const links: ReadLink[] = [];
  for (const name of await storage.list(keys.evidences)) {
    const text = await storage.readText(keys.evidenceFile(name));
    if (text !== undefined) links.push(parseLink(name, text));
  }
  return links;
}

export function parseLink(name: string, text: string): ReadLink {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return { name, unreadable: 'it is not JSON' };
  }
  const parsed = linkSchema.safeParse(raw);
  if (!parsed.success) return { name, unreadable: `it is no evidence (${z.prettifyError(parsed.error)})` };
  return { ...parsed.data, name, digest: digestOf(raw as RawEvidence) };
}

/** The newest of the chain, as it was written down when it was added: without it the newest could be removed unseen. */
export async function readHead({ storage }: Repository): Promise<Named | undefined> {
  const text = await storage.readText(keys.evidenceHead);
  try {
    return namedSchema.safeParse(JSON.parse(text ?? '')).data;
  } catch {
    return undefined;
  }
}

/** Goes on from the head to what was added after it: a crash may have come between the evidence and the head. */
export function forward(head: Named | undefined, links: readonly Link[]): Named | undefined {
  let tip = head;
  const seen = new Set<string>();
  for (;;) {
    const next = links.find(
      ({ previous, sha256, id }) =>
        sha256 !== undefined && !seen.has(id) && previous?.id === tip?.id && previous?.sha256 === tip?.sha256,
    );
    if (next?.sha256 === undefined) return tip;
    seen.add(next.id);
    tip = { id: next.id, sha256: next.sha256 };
  }
}
