import { appendFile } from 'node:fs/promises';

import { z } from 'zod';

import { writeFileDurably } from '../files/durable.js';
import { compareLsn } from '../postgres/lsn.js';
import { instantSchema, lsnSchema } from '../schema/primitives.js';
import type { Repository } from './repository.js';

/** One step of a stream: how far it had come when, by the source's clock. */
const stepSchema = z.object({
  /** All WAL up to here … */
  lsn: lsnSchema,
  /** … had been received at this moment. */
  at: instantSchema,
  /** What the source committed behind it, it committed later than this. */
  asOf: instantSchema,
  /** So old at most was a commit when it was received in this step; in one that several were made of, the most of all of them. */
  atMostSeconds: z.number().nonnegative(),
});
export type StreamStep = z.infer<typeof stepSchema>;

/** In the repository: one JSON object a line, in the order of time. */
export const streamRecordKey = 'stream-progress.jsonl';

/** A stream that is no further behind than this is taken to run well: such steps become one for each hour. */
export const calmSeconds = 5;

const [mostSteps, mostLines] = [1_000, 4_000];

/** @returns nothing where there is no record; lines that a crash cut off are passed over. */
export async function readStreamRecord({ storage }: Pick<Repository, 'storage'>): Promise<StreamStep[]> {
  const text = (await storage.readText(streamRecordKey)) ?? '';
  const steps = text.split('\n').flatMap((line) => {
    try {
      return [stepSchema.parse(JSON.parse(line))];
    } catch {
      return [];
    }
  });
  return steps.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

/** Begins anew: behind a gap, what came before says nothing. */
export async function forgetStreamRecord({ storage }: Pick<Repository, 'storage'>): Promise<void> {
  if ((await storage.readText(streamRecordKey)) !== undefined) await storage.writeText(streamRecordKey, '');
}

/** How a stream stands, by one query to the source. */
export interface StreamLook {
  at: string;
  /** Where the source's WAL ended then, whether it was on disk or not. */
  sourceLsn: string;
  /** Up to where it had been received; null while nobody receives. */
  writtenLsn: string | null;
}

/**
 * Keeps a record of how far a stream is behind its source, so that a drill can say how much could have been lost at the worst moment since
 * the one before (docs/clock.md). Bounded in size: where it runs well an hour is one step, and of more than 1,000 the oldest are made one.
 */
export class StreamRecord {
  private lines = 0;
  /** Where the source's WAL ended at which moment, as far as that has not been received. */
  private positions: { at: string; lsn: string }[] = [];

  private constructor(
    private readonly repository: Pick<Repository, 'storage'>,
    private last: StreamStep | undefined,
  ) {}

  static async open(repository: Pick<Repository, 'storage'>): Promise<StreamRecord> {
    const steps = await readStreamRecord(repository);
    const record = new StreamRecord(repository, steps.at(-1));
    if (steps.length > 0) await record.rewrite(steps);
    return record;
  }

  /** Looks are told in the order of time. */
  async look({ at, sourceLsn, writtenLsn }: StreamLook): Promise<void> {
    // What was no further a moment ago is no further now; a standby that took over may be at an earlier place.
    this.positions = [...this.positions.filter(({ lsn }) => compareLsn(lsn, sourceLsn) < 0), { at, lsn: sourceLsn }];
    if (writtenLsn === null) {
      this.thin();
      return;
    }
    const received = this.positions.findLastIndex(({ lsn }) => compareLsn(lsn, writtenLsn) <= 0);
    const asOf = this.positions[received]?.at ?? this.last?.asOf ?? at;
    this.positions = this.positions.slice(received + 1);
    if (this.last?.lsn === writtenLsn) {
      this.last = { ...this.last, asOf };
      return;
    }
    const before = this.last?.asOf ?? at;
    const atMostSeconds = Math.max(0, (Date.parse(at) - Date.parse(before)) / 1_000);
    this.last = { lsn: writtenLsn, at, asOf, atMostSeconds };
    await appendFile(this.repository.storage.pathOf(streamRecordKey), `${JSON.stringify(this.last)}\n`, {
      mode: 0o600,
    });
    this.lines += 1;
    if (this.lines > mostLines) await this.rewrite(await readStreamRecord(this.repository));
  }

  /** While the stream stands for long: every second position says nearly as much. */
  private thin(): void {
    if (this.positions.length > 2_000) this.positions = this.positions.filter((_, index) => index % 2 === 0);
  }

  private async rewrite(steps: readonly StreamStep[]): Promise<void> {
    const kept = condense(steps);
    const text = kept.map((step) => `${JSON.stringify(step)}\n`).join('');
    await writeFileDurably(this.repository.storage.pathOf(streamRecordKey), text);
    this.lines = kept.length;
  }
}

/** Makes one step of several that follow each other; that none of their commits was older than the most of them stays true. */
export function condense(steps: readonly StreamStep[]): StreamStep[] {
  const [first, ...others] = steps;
  if (first === undefined) return [];
  const kept: StreamStep[] = [];
  const hour = ({ at }: StreamStep): string => at.slice(0, 13);
  for (const step of others) {
    const before = kept.at(-1);
    const calm = before !== undefined && Math.max(before.atMostSeconds, step.atMostSeconds) <= calmSeconds;
    if (calm && hour(before) === hour(step)) kept[kept.length - 1] = joined(before, step);
    else kept.push(step);
  }
  const tooMany = kept.splice(0, Math.max(0, kept.length - mostSteps));
  // From the first one on something is known: it stays.
  return [first, ...(tooMany.length === 0 ? [] : [tooMany.reduce(joined)]), ...kept];
}

function joined(before: StreamStep, step: StreamStep): StreamStep {
  return { ...step, atMostSeconds: Math.max(before.atMostSeconds, step.atMostSeconds) };
}
