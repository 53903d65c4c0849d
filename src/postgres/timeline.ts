import { join } from 'node:path';

import { codeOf } from '../errors.js';
import { readTextFile } from '../files/durable.js';
import { bigIntToLsn, compareLsn, maxLsn } from './lsn.js';
import { segmentNumberOf } from './wal-segment.js';

/** One ancestor of a timeline: it was left at `endLsn`. */
export interface TimelineSpan {
  timeline: number;
  /** Absent for the timeline itself: it goes on. */
  endLsn?: string;
}

/**
 * The ancestry of a timeline, oldest first and ending with itself, from its history file in a WAL directory (PostgreSQL manual,
 * "Timelines"). Timeline 1 has no history file.
 *
 * @returns undefined where the history file is missing.
 */
export async function readTimelineHistory(walDirectory: string, timeline: number): Promise<TimelineSpan[] | undefined> {
  if (timeline === 1) return [{ timeline }];
  let text: string;
  try {
    text = await readTextFile(join(walDirectory, historyFile(timeline)));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  return [...parseTimelineHistory(text), { timeline }];
}

/** The name of a timeline's history file. */
export function historyFile(timeline: number): string {
  return `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`;
}

/** Whether a position on a timeline belongs to the past of another: what a timeline has behind the place where it was left does not. */
export function isInHistory(history: readonly TimelineSpan[], place: { timeline: number; lsn: string }): boolean {
  const span = history.find(({ timeline }) => timeline === place.timeline);
  return span !== undefined && (span.endLsn === undefined || compareLsn(place.lsn, span.endLsn) <= 0);
}

export function parseTimelineHistory(text: string): TimelineSpan[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+([0-9A-F]+\/[0-9A-F]+)/i.exec(line);
    return match === null ? [] : [{ timeline: Number(match[1]), endLsn: (match[2] ?? '').toUpperCase() }];
  });
}

/** A stretch of WAL in the segments of one timeline. */
export interface WalSpan {
  timeline: number;
  from: string;
  to: string;
}

/**
 * Which timeline's segments hold the WAL between two positions, in order. The segment in which one timeline left another is read from
 * the younger: it begins with a copy of the older one's, which may never have been archived whole.
 */
export function spansBetween(
  history: readonly TimelineSpan[],
  from: string,
  to: string,
  segmentSizeBytes: number,
): WalSpan[] {
  const spans: WalSpan[] = [];
  let start = from;
  for (const { timeline, endLsn } of history) {
    const left =
      endLsn === undefined ? to : bigIntToLsn(segmentNumberOf(endLsn, segmentSizeBytes) * BigInt(segmentSizeBytes));
    const end = compareLsn(left, to) < 0 ? left : to;
    if (compareLsn(start, end) < 0) spans.push({ timeline, from: start, to: end });
    start = maxLsn(start, end);
  }
  return spans;
}
