import { z } from 'zod';

import { RepositoryError } from '../errors.js';
import { instantSchema } from '../schema/primitives.js';
import type { Repository } from '../repository/repository.js';

const key = 'retention/state.json';

const stretchSchema = z.object({ from: z.string(), to: z.string() });

const stateSchema = z.object({
  formatVersion: z.literal(1),
  /** When retention last ran, by its own clock: a later run that is far from it does not trust its own. */
  lastRunAt: instantSchema.optional(),
  /** Backups that will be deleted once their grace is over. */
  marks: z.array(z.object({ backup: z.string(), markedAt: instantSchema, why: z.string() })).default([]),
  /** The same for files of the WAL archive, by the first and last name of each stretch. */
  walMarks: z.array(stretchSchema.extend({ markedAt: instantSchema })).default([]),
  /** WAL that was deleted on purpose, by the first and last segment of each stretch: a hole there is no damage. */
  expiredWal: z.array(stretchSchema.transform(({ from, to }) => segmentsOf(from, to))).default([]),
  /** What the run that is at work, or was last, has deleted: a retry after a crash adds to it. */
  run: z
    .object({
      operation: z.string(),
      deleted: z.array(z.object({ id: z.string(), bytes: z.number() })),
      wal: z.object({ files: z.number(), bytes: z.number() }),
    })
    .optional(),
});
export type RetentionState = z.infer<typeof stateSchema>;

export const emptyState: RetentionState = { formatVersion: 1, marks: [], walMarks: [], expiredWal: [] };

/** @throws RepositoryError when it is damaged: then nothing is known of marks and of the last run. */
export async function readState({ storage, path }: Repository): Promise<RetentionState> {
  const text = await storage.readText(key);
  if (text === undefined) return emptyState;
  const parsed = stateSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new RepositoryError({
    what: `${path}/${key} is damaged: ${z.prettifyError(parsed.error)}`,
    means: 'When retention last ran and what it has marked is not known; it does not guess, so nothing is deleted.',
    todo: 'Remove the file: marks are then made anew, with their full grace.',
  });
}

export async function writeState({ storage }: Repository, state: RetentionState): Promise<void> {
  await storage.writeText(key, `${JSON.stringify(state, null, 2)}\n`);
}

/** Whether a file of the WAL archive, or the segment that it belongs to, was deleted by retention. */
export function wasExpired({ expiredWal }: RetentionState, name: string): boolean {
  const { from: segment } = segmentsOf(name, name);
  return expiredWal.some(({ from, to }) => from <= segment && segment <= to);
}

/** A stretch by its segments, whatever is behind their names, such as the suffix of a compressed one. */
export function segmentsOf(from: string, to: string): { from: string; to: string } {
  return { from: from.slice(0, 24), to: to.slice(0, 24) };
}

/** Adds a stretch to those that are known, joining what overlaps. Stretches of different timelines are never joined. */
export function addStretch(
  known: readonly { from: string; to: string }[],
  added: { from: string; to: string },
): { from: string; to: string }[] {
  const timelineOf = (name: string): string => name.slice(0, 8);
  const stretches = [...known, added].sort((a, b) => (a.from < b.from ? -1 : 1));
  const joined: { from: string; to: string }[] = [];
  for (const each of stretches) {
    const last = joined.at(-1);
    if (last !== undefined && timelineOf(last.to) === timelineOf(each.from) && each.from <= last.to) {
      last.to = each.to > last.to ? each.to : last.to;
    } else joined.push({ ...each });
  }
  return joined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
