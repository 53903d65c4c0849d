import { segmentName } from '../postgres/wal-segment.js';
import { type RetentionState, wasExpired } from './state.js';
import { tally } from './summary.js';
import type { WalFile } from './wal-file.js';

/**
 * WAL is noted as deleted before it goes (src/retention/apply.ts). Where a deletion was broken off, and then marks were taken back or a hold
 * was written, some of it is still there and stays: it is taken out of the notes, or its loss one day would pass for one on purpose.
 *
 * @param files the archive's, while nobody deletes any.
 * @returns the very same state where all that is noted as deleted is gone.
 */
export function withoutWhatIsThere(
  state: RetentionState,
  files: readonly WalFile[],
  segmentSizeBytes: number,
): RetentionState {
  const nameOf = (timeline: number, number: bigint): string => segmentName({ timeline, number }, segmentSizeBytes);
  const there = files.filter(({ name }) => isWholeSegment(name) && wasExpired(state, name));
  if (there.length === 0) return state;
  const names = new Set(there.map(({ name }) => name.slice(0, 24)));
  const expiredWal = there.reduce(
    (stretches, { name, timeline, segment = 0n }) =>
      stretches.flatMap(({ from, to }) => {
        const own = name.slice(0, 24);
        if (own < from || own > to) return [{ from, to }];
        const before = { from, to: nameOf(timeline, segment - 1n) };
        const behind = { from: nameOf(timeline, segment + 1n), to };
        return [before, behind].filter((part) => part.from <= part.to);
      }),
    state.expiredWal,
  );
  const { run } = state;
  if (run === undefined) return { ...state, expiredWal };
  // What goes with a segment (the label of a backup) was counted with it.
  const { wal } = run;
  const left = tally(files.filter(({ name }) => names.has(name.slice(0, 24))));
  return {
    ...state,
    expiredWal,
    run: { ...run, wal: { files: wal.files - left.files, bytes: wal.bytes - left.bytes } },
  };
}

/** Only those can leave a hole. */
function isWholeSegment(name: string): boolean {
  return /^[0-9A-F]{24}(?:\.(?:gz|lz4|zst))?$/.test(name);
}
