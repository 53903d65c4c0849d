import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { bigIntToLsn, compareLsn, lsnToBigInt } from '../postgres/lsn.js';
import { readTimelineHistory, spansBetween } from '../postgres/timeline.js';
import { dumpWal, trimLsn } from '../postgres/waldump.js';
import { parseSegmentName, segmentName, segmentNumberOf } from '../postgres/wal-segment.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { Break, CopyContext } from './context.js';
import { nothingToBreak } from './nothing-to-break.js';

const walPageBytes = 8192n;
const recordHeaderBytes = 24;

interface WalRecord {
  lsn: string;
  length: number;
  segment: string;
}

/** A bit of a record that replay has to read: its last byte, which its checksum covers. */
export const walBit: Break<CopyContext> = async (context) => {
  const record = await chooseRecord(context);
  if (record === undefined) throw nothingToBreak('No WAL record lies between the chain’s end and the target.');
  const { walSegmentSizeBytes } = lastOf(context);
  const offset = Number(lsnToBigInt(record.lsn) % BigInt(walSegmentSizeBytes)) + record.length - 1;
  const bit = context.chance.integer(8);
  await context.expendable.flipBit(join(context.walDirectory, record.segment), offset, bit);
  return `bit ${bit} of byte ${offset} of ${record.segment}, the WAL record at ${record.lsn}`;
};

/** A record behind the chain's end and before the target that lies on one page whole; each is as likely as any other. */
async function chooseRecord(context: CopyContext): Promise<WalRecord | undefined> {
  const { walDirectory, plan, signal, tools, chance } = context;
  const { endLsn, walSegmentSizeBytes } = lastOf(context);
  const history = (await readTimelineHistory(walDirectory, plan.target.timeline)) ?? [];
  let chosen: WalRecord | undefined;
  let seen = 0;
  for (const span of spansBetween(history, endLsn, plan.wal.to, walSegmentSizeBytes)) {
    await dumpWal(tools, { walDirectory, segmentSizeBytes: walSegmentSizeBytes, ...span }, [], {
      signal,
      allowNothing: true,
      onLine: (line) => {
        const [, total, at] = /len \(rec\/tot\):\s*\d+\/\s*(\d+), tx:.*?lsn: ([0-9A-F/]+),/.exec(line) ?? [];
        if (total === undefined || at === undefined) return;
        const [lsn, length] = [trimLsn(at), Number(total)];
        const begins = lsnToBigInt(lsn);
        if (length <= recordHeaderBytes || (begins % walPageBytes) + BigInt(length) > walPageBytes) return;
        if (compareLsn(lsn, plan.wal.to) >= 0) return;
        const number = begins / BigInt(walSegmentSizeBytes);
        seen += 1;
        if (chance.integer(seen) > 0) return;
        chosen = { lsn, length, segment: segmentName({ timeline: span.timeline, number }, walSegmentSizeBytes) };
      },
    });
  }
  return chosen;
}

export const deletedWalSegment: Break<CopyContext> = async (context) => {
  const segment = context.chance.pick(await segmentsToReplay(context));
  if (segment === undefined) throw nothingToBreak('No archived WAL is needed behind the chain’s end.');
  await context.expendable.remove(join(context.walDirectory, segment));
  return `WAL segment ${segment} is gone`;
};

export const swappedWalSegments: Break<CopyContext> = async (context) => {
  const needed = await segmentsToReplay(context);
  const one = context.chance.pick(needed);
  const other = context.chance.pick((await listSegments(context)).filter((name) => name !== one));
  if (one === undefined || other === undefined) throw nothingToBreak('There are no two WAL segments to swap.');
  await context.expendable.swap(join(context.walDirectory, one), join(context.walDirectory, other));
  return `WAL segments ${one} and ${other} have each other’s content`;
};

/** The history says that the timeline began behind the target, so that the WAL before belongs to another. */
export const wrongTimelineHistory: Break<CopyContext> = async (context) => {
  const { timeline } = context.plan.target;
  const file = `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`;
  const text = await readFile(join(context.walDirectory, file), 'utf8').catch(() => '');
  const right = /^\s*\d+\s+([0-9A-F]+\/[0-9A-F]+)/gim;
  const last = [...text.matchAll(right)].at(-1)?.[1];
  if (last === undefined) throw nothingToBreak('The cluster was never promoted: its timeline has no history.');
  const wrong = bigIntToLsn(lsnToBigInt(context.plan.wal.to) + BigInt(lastOf(context).walSegmentSizeBytes));
  await context.expendable.replace(join(context.walDirectory, file), text.replace(last, wrong));
  return `${file} says that timeline ${timeline} began at ${wrong} instead of ${last}`;
};

/** The archived segments that replay reads behind the chain's own WAL. */
async function segmentsToReplay(context: CopyContext): Promise<string[]> {
  const { endLsn, walSegmentSizeBytes } = lastOf(context);
  const [first, last] = [endLsn, context.plan.wal.to].map((lsn) => segmentNumberOf(lsn, walSegmentSizeBytes));
  return (await listSegments(context)).filter((name) => {
    const segment = parseSegmentName(name, walSegmentSizeBytes);
    if (segment?.timeline !== context.plan.target.timeline || first === undefined || last === undefined) return false;
    return segment.number >= first && segment.number <= last;
  });
}

async function listSegments(context: CopyContext): Promise<string[]> {
  const { walSegmentSizeBytes } = lastOf(context);
  return (await readdir(context.walDirectory))
    .filter((name) => parseSegmentName(name, walSegmentSizeBytes) !== undefined)
    .sort();
}

function lastOf({ chain }: CopyContext): BackupRecord {
  const last = chain.at(-1);
  if (last === undefined) throw new RangeError('an empty chain');
  return last;
}
