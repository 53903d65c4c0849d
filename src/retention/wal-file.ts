import { parseSegmentName } from '../postgres/wal-segment.js';

/** A file of the WAL archive that retention knows how to judge. */
export interface WalFile {
  name: string;
  timeline: number;
  /** The segment that it is, is part of, or tells of; absent for a timeline history file. */
  segment?: bigint;
  sizeBytes: number;
  mtimeMs: number;
}

/** Complete segments, plain or compressed; parts of one (pg_receivewal, or a promotion); labels of backups (PostgreSQL manual, "Continuous Archiving"). */
const ofSegment = /^([0-9A-F]{24})(?:(?:\.(?:gz|lz4|zst))?(?:\.partial)?|\.[0-9A-F]{8}\.backup)$/;

/** @returns undefined for files that retention leaves alone, such as those that are just being written. */
export function parseWalFileName(
  name: string,
  segmentSizeBytes: number,
): Pick<WalFile, 'timeline' | 'segment'> | undefined {
  const history = /^([0-9A-F]{8})\.history$/.exec(name)?.[1];
  if (history !== undefined) return { timeline: parseInt(history, 16) };
  const segment = parseSegmentName(ofSegment.exec(name)?.[1] ?? '', segmentSizeBytes);
  return segment === undefined ? undefined : { timeline: segment.timeline, segment: segment.number };
}
