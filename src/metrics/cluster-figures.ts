import { z } from 'zod';

import type { ResolvedCluster } from '../configuration/cluster.js';
import { listFailures } from '../repository/failures.js';
import { keys, listBackups, openRepository, type Repository } from '../repository/repository.js';
import { instantSchema } from '../schema/primitives.js';
import { phaseSchema, type Verdict, verdictSchema } from '../schema/results.js';
import { openFindings } from '../schema/verification.js';
import { listVerifications } from '../verify/reports.js';
import { lookAtArchive, openGaps } from '../verify/verify.js';

/** What a repository tells about one cluster, for monitoring. Instants are milliseconds since 1970. */
export interface ClusterFigures {
  backups: {
    type: string;
    finishedAtMs: number;
    sizeBytes: number;
    durationSeconds: number;
    unsafe: boolean;
  }[];
  failedBackups: { type: string; finishedAtMs: number }[];
  /** Absent where only a command reaches the archive (`wal.mode: command`): nobody can list it, and no gap seen would not mean none. */
  wal?: WalFigures;
  /** The newest verification of the repository; absent where there was none. */
  verification?: { finishedAtMs: number; errors: number; warnings: number };
  /** Drills that left evidence, oldest first. */
  drills: DrillFigures[];
}

/** The WAL archive. All but the gaps is absent where it holds no segment, or where nobody can list it. */
export interface WalFigures {
  segments: number;
  sizeBytes: number;
  /** When the segment with the highest number arrived: its file is written then. */
  newestAtMs?: number;
  /** Where the newest finished segment ends, as a position in the WAL. */
  endBytes?: number;
  /** Gaps that replay does not get past, and that nobody has acknowledged. */
  gaps: number;
}

export interface DrillFigures {
  finishedAtMs: number;
  verdict: Verdict;
  phases: { name: string; seconds: number }[];
  rtoSeconds?: number;
  rtoToProvenSeconds?: number;
  rpo?: {
    seconds: number;
    bytes?: number | undefined;
    transactions?: number | undefined;
    /** Of the time since the drill before. */
    worst?: { seconds?: number | undefined } | undefined;
  };
}

/** Only what is needed here, so that evidence of other formats is passed over and not misread. */
const evidenceSchema = z.object({
  formatVersion: z.literal(1),
  kind: z.literal('drill'),
  finishedAt: instantSchema,
  verdict: verdictSchema,
  clock: z.object({
    phases: z.array(phaseSchema.pick({ name: true, seconds: true })).default([]),
    rtoSeconds: z.number().optional(),
    rtoToProvenSeconds: z.number().optional(),
  }),
  rpo: z
    .object({
      seconds: z.number(),
      bytes: z.number().optional(),
      transactions: z.number().optional(),
      worst: z.object({ seconds: z.number().optional() }).optional(),
    })
    .optional(),
});

/** Reads the figures of clusters. Evidence never changes once it is written, so each file is read once in a reader's life. */
export class FiguresReader {
  private readonly drills = new Map<string, DrillFigures>();

  /**
   * @throws RepositoryError where there is no repository, or where it cannot be read.
   */
  async read(cluster: Pick<ResolvedCluster, 'name' | 'repository' | 'walDirectory' | 'wal'>): Promise<ClusterFigures> {
    const repository = await openRepository(cluster);
    const records = await listBackups(repository);
    const verification = (await listVerifications(repository)).at(-1);
    const open = openFindings(verification?.findings ?? []);
    return {
      backups: records.map(({ type, finishedAt, sizeBytes, durationMs, unsafe }) => ({
        type,
        finishedAtMs: Date.parse(finishedAt),
        sizeBytes,
        durationSeconds: durationMs / 1_000,
        unsafe: unsafe !== undefined,
      })),
      failedBackups: (await listFailures(repository)).map(({ type, finishedAt }) => ({
        type,
        finishedAtMs: Date.parse(finishedAt),
      })),
      ...(cluster.wal.mode === 'command' ? {} : { wal: await readWal(repository, cluster.walDirectory) }),
      ...(verification === undefined
        ? {}
        : {
            verification: {
              finishedAtMs: Date.parse(verification.finishedAt),
              errors: open.filter(({ level }) => level === 'error').length,
              warnings: open.filter(({ level }) => level === 'warning').length,
            },
          }),
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

async function readWal(repository: Repository, walDirectory: string): Promise<WalFigures> {
  const { archive, segmentSizeBytes, gaps } = await lookAtArchive(
    repository,
    walDirectory,
    new AbortController().signal,
  );
  const { segments } = archive;
  // The youngest timeline's first: its numbers go on from where it left the older one.
  const byPlace = segments.toSorted((a, b) => a.timeline - b.timeline || (a.number < b.number ? -1 : 1));
  const newest = byPlace.at(-1);
  const finished = byPlace.findLast(({ partial }) => !partial);
  return {
    segments: segments.length,
    sizeBytes: segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    ...(newest === undefined ? {} : { newestAtMs: newest.modifiedMs }),
    ...(finished === undefined ? {} : { endBytes: Number((finished.number + 1n) * BigInt(segmentSizeBytes)) }),
    gaps: openGaps(gaps).length,
  };
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
  const { rtoSeconds, rtoToProvenSeconds } = clock;
  return {
    finishedAtMs: Date.parse(finishedAt),
    verdict,
    phases: clock.phases,
    ...(rtoSeconds === undefined ? {} : { rtoSeconds }),
    ...(rtoToProvenSeconds === undefined ? {} : { rtoToProvenSeconds }),
    ...(rpo === undefined ? {} : { rpo }),
  };
}
