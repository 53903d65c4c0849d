import type { KindsOf } from '../schema/sabotage-kinds.js';
import { foreignManifest, manifestBit, olderIncremental } from './break-chain.js';
import { clogBit, clogBitSealed } from './break-clog.js';
import { deletedFile, truncatedFile } from './break-files.js';
import { indexEntryLost } from './break-index.js';
import { staleVisibilityMap } from './break-map.js';
import { heapBit, indexBit, visibilityMapBit } from './break-pages.js';
import { rowAdded, rowChanged, rowRemoved } from './break-rows.js';
import { functionBodyChanged, roleDropped } from './break-schema.js';
import { deletedWalSegment, swappedWalSegments, walBit, wrongTimelineHistory } from './break-wal.js';
import type { Break, CopyContext, RestoredContext } from './context.js';

/** How each kind that strikes the copy of the repository breaks it. */
export const copyKinds: Record<KindsOf<'repository copy'>, Break<CopyContext>> = {
  'heap-bit': heapBit(false),
  'heap-bit-sealed': heapBit(true),
  'index-bit': indexBit(false),
  'index-bit-sealed': indexBit(true),
  'visibility-map-bit': visibilityMapBit(false),
  'visibility-map-bit-sealed': visibilityMapBit(true),
  'clog-bit': clogBit,
  'clog-bit-sealed': clogBitSealed,
  'manifest-bit': manifestBit(false),
  'manifest-bit-sealed': manifestBit(true),
  'truncated-file': truncatedFile(false),
  'truncated-file-sealed': truncatedFile(true),
  'deleted-file': deletedFile(false),
  'deleted-file-sealed': deletedFile(true),
  'older-incremental': olderIncremental(false),
  'older-incremental-sealed': olderIncremental(true),
  'foreign-manifest': foreignManifest(false),
  'foreign-manifest-sealed': foreignManifest(true),
  'wal-bit': walBit,
  'deleted-wal-segment': deletedWalSegment,
  'swapped-wal-segments': swappedWalSegments,
  'wrong-timeline-history': wrongTimelineHistory,
};

/** How each kind that strikes the restored server breaks it. */
export const restoredKinds: Record<KindsOf<'restored copy'>, Break<RestoredContext>> = {
  'row-changed': rowChanged,
  'row-added': rowAdded,
  'row-removed': rowRemoved,
  'index-entry-lost': indexEntryLost,
  'stale-visibility-map': staleVisibilityMap,
  'function-body-changed': functionBodyChanged,
  'role-dropped': roleDropped,
};
