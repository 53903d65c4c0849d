import type { Connection } from '../../postgres/connection.js';
import { chooseRanges, leastBlocksInSample } from './content-policy.js';
import type { FingerprintOptions } from './fingerprint.js';
import type { Relation } from './list-relations.js';
import { partsOf, planRanges, rangeAt, type RangeLayout } from './ranges.js';
import { type RangeReading, type ReadingProblem, readPart, readRange, readSize } from './read-relation.js';
import type { ReadingQueue } from './reading-queue.js';
import type { RelationReading } from './relation-reading.js';

/** What one connection does at a time: look at a relation and read it, if it is small, else one part of it. */
export interface ReadingTask {
  reading: RelationReading;
  part?: { layout: RangeLayout; ranges: readonly number[]; parts: number };
}

interface TaskContext {
  options: FingerprintOptions;
  queue: ReadingQueue<ReadingTask>;
  /** Called with the relation and the number of parts that it is read in, once each. */
  report: (reading: RelationReading, parts: number) => void;
}

/** Carries out one task; a big relation's first task only cuts it, so that all connections can take parts of it. */
export async function carryOut(client: Connection, task: ReadingTask, context: TaskContext): Promise<void> {
  const { reading, part } = task;
  if (part === undefined) {
    const layout = await readOrCut(client, reading, context.options);
    if (layout === undefined) {
      context.report(reading, 1);
      return;
    }
    const parts = partsOf(layout);
    context.queue.addFirst(
      parts.map((ranges) => ({ reading, part: { layout, ranges, parts: parts.length } }) satisfies ReadingTask),
    );
    return;
  }
  if (!reading.spoilt) await readRanges(client, reading, part, context.options);
  context.report(reading, part.parts);
}

/** @returns how the relation is to be read, where it was not read already. */
async function readOrCut(
  client: Connection,
  reading: RelationReading,
  options: FingerprintOptions,
): Promise<RangeLayout | undefined> {
  const { relation } = reading;
  const answer = await readPart(client, relation, options, async () => {
    const { blocks, sizeBytes } = await readSize(client, relation);
    const layout = options.layoutOf === undefined ? cut(relation, blocks, options) : options.layoutOf(relation);
    reading.sized({ blocks, sizeBytes }, layout);
    return { layout, whole: layout === undefined ? await readRange(client, relation) : undefined };
  });
  if (isProblem(answer)) {
    reading.spoil(answer);
    return undefined;
  }
  if (answer.whole !== undefined) reading.add(0, answer.whole);
  return answer.layout;
}

function cut(relation: Relation, blocks: number, options: FingerprintOptions): RangeLayout | undefined {
  if (!relation.heap) return undefined;
  const sample = options.policy?.sample;
  const layout = planRanges(blocks, options.leastBlocks ?? (sample && leastBlocksInSample));
  if (layout === undefined || sample === undefined) return layout;
  return {
    ...layout,
    chosen: chooseRanges(layout, sample, `${options.database}.${relation.schema}.${relation.name}`),
  };
}

async function readRanges(
  client: Connection,
  reading: RelationReading,
  { layout, ranges }: { layout: RangeLayout; ranges: readonly number[] },
  options: FingerprintOptions,
): Promise<void> {
  const answer = await readPart(client, reading.relation, options, async () => {
    const read = new Map<number, RangeReading>();
    for (const number of ranges) {
      read.set(number, await readRange(client, reading.relation, rangeAt(layout, number)));
    }
    return { read };
  });
  if (isProblem(answer)) reading.spoil(answer);
  else for (const [number, range] of answer.read) reading.add(number, range);
}

function isProblem(answer: object): answer is ReadingProblem {
  return 'changed' in answer || 'unreadable' in answer;
}
