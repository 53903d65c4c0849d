import { join } from 'node:path';

import { writeFileDurably } from '../files/durable.js';
import { type Connection, withConnection } from '../postgres/connection.js';
import { bigIntToLsn, compareLsn } from '../postgres/lsn.js';
import type { Source } from '../postgres/source.js';
import { historyFile, parseTimelineHistory, type TimelineSpan } from '../postgres/timeline.js';
import { segmentName, segmentNumberOf } from '../postgres/wal-segment.js';
import { listWalFiles, type WalFile } from '../repository/wal-files.js';
import type { Stream } from './stream.js';

/**
 * Lets pg_receivewal go on at a source that left the archive's timeline exactly where the archive ends: a primary that died right after a
 * switch of segments. It would ask for the old timeline at its very end; there is nothing to send of it, and pg_receivewal takes the server's
 * answer (the next timeline, instead of WAL) for an error, for ever (PostgreSQL source: walsender.c, StartReplication; receivelog.c,
 * ReceiveXlogStream; 17.11 and 18.6).
 *
 * So the next timeline gets the segment in which it begins as an empty `.partial`, from whose beginning pg_receivewal goes on (pg_receivewal.c,
 * FindStreamingStart; receivelog.c, open_walfile: 0 bytes are what it may have left itself). To every reader of the archive such a file is
 * one whose first byte has not come. The history file goes first: no WAL without its timeline's history, wherever this is cut off.
 */
export async function followTimeline(stream: Stream, source: Source, signal: AbortSignal): Promise<void> {
  const { walDirectory } = stream;
  const size = source.walSegmentSizeBytes;
  const start = streamingStart((await listWalFiles(walDirectory, size)).values(), size);
  if (start === undefined || start.timeline >= source.timeline) return;
  await withConnection(
    stream.connection,
    async (client) => {
      const text = await readHistory(client, source.timeline);
      const next = timelineBehind([...parseTimelineHistory(text), { timeline: source.timeline }], start);
      if (next === undefined) return;
      const history = next === source.timeline ? text : await readHistory(client, next);
      await writeFileDurably(join(walDirectory, historyFile(next)), history);
      const segment = segmentName({ timeline: next, number: segmentNumberOf(start.lsn, size) }, size);
      await writeFileDurably(join(walDirectory, `${segment}.partial`), '');
    },
    { overrides: { replication: 'true' }, signal },
  );
}

/**
 * From where pg_receivewal goes on in a directory: behind its newest segment if that is finished, else at that one's beginning. Of two
 * timelines that have it, the younger one counts.
 *
 * @returns undefined for an empty archive: then it begins where the slot does.
 */
export function streamingStart(
  files: Iterable<Pick<WalFile, 'timeline' | 'number' | 'form'>>,
  segmentSizeBytes: number,
): { timeline: number; lsn: string } | undefined {
  const [newest] = [...files].sort((a, b) => Number(b.number - a.number) || b.timeline - a.timeline);
  if (newest === undefined) return undefined;
  const number = newest.form === 'partial' ? newest.number : newest.number + 1n;
  return { timeline: newest.timeline, lsn: bigIntToLsn(number * BigInt(segmentSizeBytes)) };
}

/** The timeline that begins where another one was left, if that is exactly here. */
export function timelineBehind(
  history: readonly TimelineSpan[],
  { timeline, lsn }: { timeline: number; lsn: string },
): number | undefined {
  const at = history.findIndex((span) => span.timeline === timeline);
  const endLsn = history[at]?.endLsn;
  return endLsn !== undefined && compareLsn(endLsn, lsn) === 0 ? history[at + 1]?.timeline : undefined;
}

/** Over a replication connection: elsewhere it takes the right to read the server's files (PostgreSQL manual, "Streaming Replication Protocol"). */
async function readHistory(client: Connection, timeline: number): Promise<string> {
  const { rows } = await client.query<{ content: string }>(`TIMELINE_HISTORY ${timeline}`);
  return rows[0]?.content ?? '';
}
