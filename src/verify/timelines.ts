import { compareLsn, lsnToBigInt } from '../postgres/lsn.js';
import { historyFile, parseTimelineHistory, type TimelineSpan } from '../postgres/timeline.js';
import type { RepositoryFinding } from '../schema/verification.js';
import { finding } from './finding.js';

/** The ancestries of the timelines in an archive that can be relied on, and what is wrong with the others. */
export interface Timelines {
  /** By timeline: its ancestry, oldest first and ending with itself. */
  ancestries: ReadonlyMap<number, TimelineSpan[]>;
  findings: RepositoryFinding[];
}

/**
 * Judges history files by themselves and against each other (PostgreSQL source, timeline.c: timelines in ascending order, each file a copy
 * of its parent's with one line more).
 *
 * @param histories the text of each history file, by its timeline.
 * @param inUse timelines that have WAL or backups.
 */
export function readTimelines(histories: ReadonlyMap<number, string>, inUse: Iterable<number>): Timelines {
  const findings: RepositoryFinding[] = [];
  const parsed = new Map<number, TimelineSpan[]>([[1, []]]);
  for (const [timeline, text] of histories) {
    if (timeline === 1) {
      findings.push(wrong(timeline, 'timeline 1 has no ancestors, so it cannot have a history'));
      continue;
    }
    const spans = parseTimelineHistory(text);
    const fault = faultOf(timeline, text, spans);
    if (fault === undefined) parsed.set(timeline, spans);
    else findings.push(wrong(timeline, fault));
  }
  const missing = new Set<number>();
  const need = (timeline: number): void => {
    if (timeline > 1 && !histories.has(timeline)) missing.add(timeline);
  };
  for (const timeline of inUse) need(timeline);
  for (const [timeline, spans] of parsed) {
    const parent = spans.at(-1)?.timeline;
    if (parent === undefined) continue;
    need(parent);
    const contradiction = contradictionOf(timeline, spans, parsed.get(parent));
    if (contradiction === undefined) continue;
    findings.push(wrong(timeline, contradiction));
    parsed.delete(timeline);
  }
  for (const timeline of missing) {
    findings.push(
      finding('timeline-history-missing', historyFile(timeline), `${historyFile(timeline)} is not in the archive.`),
    );
  }
  const ancestries = [...parsed].map(([timeline, spans]): [number, TimelineSpan[]] => [
    timeline,
    [...spans, { timeline }],
  ]);
  return { ancestries: new Map(ancestries), findings };
}

function wrong(timeline: number, why: string): RepositoryFinding {
  return finding('timeline-history-wrong', historyFile(timeline), `${historyFile(timeline)} is wrong: ${why}.`);
}

/** What is wrong with a history by itself. */
function faultOf(timeline: number, text: string, spans: readonly TimelineSpan[]): string | undefined {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.trim().startsWith('#'));
  if (lines.length === 0) return 'it names no ancestor';
  if (spans.length < lines.length) return 'it has a line that is no "timeline, WAL position, reason"';
  for (const [index, span] of spans.entries()) {
    const before = spans[index - 1];
    if (span.timeline >= timeline) return `it names timeline ${span.timeline} as an ancestor of ${timeline}`;
    if (before === undefined) continue;
    if (span.timeline <= before.timeline) return `timeline ${span.timeline} comes behind ${before.timeline} in it`;
    if (compareLsn(span.endLsn ?? '0/0', before.endLsn ?? '0/0') < 0) {
      return `it leaves timeline ${span.timeline} at ${span.endLsn ?? ''}, before that one began (${before.endLsn ?? ''})`;
    }
  }
  return undefined;
}

/** Two histories that tell the same past differently. */
function contradictionOf(
  timeline: number,
  spans: readonly TimelineSpan[],
  parents: readonly TimelineSpan[] | undefined,
): string | undefined {
  if (parents === undefined) return undefined; // missing or wrong itself: said there
  const parent = spans.at(-1)?.timeline ?? 0;
  const past = spans.slice(0, -1);
  const tell = (list: readonly TimelineSpan[]): string =>
    list.map((span) => `${span.timeline} until ${span.endLsn ?? ''}`).join(', ') || 'nothing';
  const same =
    past.length === parents.length &&
    past.every(
      (span, index) =>
        span.timeline === parents[index]?.timeline &&
        compareLsn(span.endLsn ?? '0/0', parents[index].endLsn ?? '0/0') === 0,
    );
  return same
    ? undefined
    : `before timeline ${parent} it knows ${tell(past)}, and the history of timeline ${parent} says ${tell(parents)}; timeline ${timeline} cannot descend from both`;
}

/** Where a timeline begins: where its parent was left. Timeline 1 begins with the WAL. */
export function beginningOf(ancestry: readonly TimelineSpan[]): string {
  return ancestry.at(-2)?.endLsn ?? '0/0';
}

/**
 * The timelines that may stand in the header of a page: the one that was current where the page begins. Where one was left within the
 * page's header, either wrote it.
 *
 * @param address where the page begins.
 */
export function timelinesAt(ancestry: readonly TimelineSpan[], address: bigint, headerBytes: number): number[] {
  const found: number[] = [];
  let begin = 0n;
  for (const { timeline, endLsn } of ancestry) {
    const end = endLsn === undefined ? undefined : lsnToBigInt(endLsn);
    if (begin <= address + BigInt(headerBytes) && (end === undefined || end > address)) found.push(timeline);
    if (end !== undefined) begin = end;
  }
  return found;
}
