import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import type { ResolvedCluster } from '../configuration/cluster.js';
import { listWalFiles } from '../repository/wal-files.js';
import { keys, listBackups, openRepository, type Repository } from '../repository/repository.js';
import { instantSchema } from '../schema/primitives.js';
import { type Verdict, verdictSchema } from '../schema/results.js';

/** What a repository tells about one cluster, for monitoring. Instants are milliseconds since 1970. */
export interface ClusterFigures {
  backups: {
    type: string;
    finishedAtMs: number;
    sizeBytes: number;
    durationSeconds: number;
    unsafe: boolean;
  }[];
  /** When the newest segment arrived in the WAL archive; absent where it holds none, or where nobody can list it. */
  newestWalAtMs?: number;
  /** Drills that left evidence, oldest first. */
  drills: DrillFigures[];
}

export interface DrillFigures {
  finishedAtMs: number;
  verdict: Verdict;
  rtoSeconds?: number;
  rpoSeconds?: number;
}

/** Only what is needed here, so that evidence of other formats is passed over and not misread. */
const evidenceSchema = z.object({
  formatVersion: z.literal(1),
  kind: z.literal('drill'),
  finishedAt: instantSchema,
  verdict: verdictSchema,
  clock: z.object({ rtoSeconds: z.number().optional() }),
  rpo: z.object({ seconds: z.number() }).optional(),
});

/** Reads the figures of clusters. Evidence never changes once it is written, so each file is read once in a reader's life. */
export class FiguresReader {
  private readonly drills = new Map<string, DrillFigures>();

  /**
   * @throws RepositoryError where there is no repository, or where it cannot be read.
   */
  async read(cluster: Pick<ResolvedCluster, 'name' | 'repository' | 'walDirectory'>): Promise<ClusterFigures> {
    const repository = await openRepository(cluster);
    const records = await listBackups(repository);
    const segmentSizeBytes = records.at(-1)?.walSegmentSizeBytes;
    const newestWalAtMs =
      segmentSizeBytes === undefined ? undefined : await newestArrival(cluster.walDirectory, segmentSizeBytes);
    return {
      backups: records.map(({ type, finishedAt, sizeBytes, durationMs, unsafe }) => ({
        type,
        finishedAtMs: Date.parse(finishedAt),
        sizeBytes,
        durationSeconds: durationMs / 1_000,
        unsafe: unsafe !== undefined,
      })),
      ...(newestWalAtMs === undefined ? {} : { newestWalAtMs }),
      drills: await this.readDrills(repository),
    };
  }

  private async readDrills({ path, storage }: Repository): Promise<DrillFigures[]> {
    const found: DrillFigures[] = [];
    for (const name of await storage.list(keys.evidences)) {
      const key = `${keys.evidence(name)}/evidence.json`;
      const cached = this.drills.get(`${path}/${key}`);
      const drill = cached ?? figuresOf(await storage.readText(key).catch(() => undefined));
      if (drill === undefined) continue;
      this.drills.set(`${path}/${key}`, drill);
      found.push(drill);
    }
    return found.sort((a, b) => a.finishedAtMs - b.finishedAtMs);
  }
}

function figuresOf(text: string | undefined): DrillFigures | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text ?? '');
  } catch {
    return undefined; // being written, or damaged: no drill to count
  }
  const parsed = evidenceSchema.safeParse(json);
  if (!parsed.success) return undefined;
  const { finishedAt, verdict, clock, rpo } = parsed.data;
  return {
    finishedAtMs: Date.parse(finishedAt),
    verdict,
    ...(clock.rtoSeconds === undefined ? {} : { rtoSeconds: clock.rtoSeconds }),
    ...(rpo === undefined ? {} : { rpoSeconds: rpo.seconds }),
  };
}

/** Of the segment with the highest number on the youngest timeline: a segment's file is written when it arrives. */
async function newestArrival(directory: string, segmentSizeBytes: number): Promise<number | undefined> {
  const files = await listWalFiles(directory, segmentSizeBytes);
  const newest = [...files.values()].sort((a, b) => (a.segment < b.segment ? -1 : 1)).at(-1);
  if (newest === undefined) return undefined;
  return await stat(join(directory, newest.name)).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined, // retention or a rename of `.partial` took it in between
  );
}
