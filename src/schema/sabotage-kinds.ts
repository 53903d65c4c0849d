/** Where a kind strikes: in the copy of the repository before the plan is made, or in the restored server before it is validated. */
export type SabotageStage = 'repository copy' | 'restored copy';

interface SabotageDescription {
  stage: SabotageStage;
  /** What is broken, as a phrase. */
  description: string;
}

const sealed = 'before the manifest was written: checksums of page, manifest and record are right';

/**
 * Every way to break a copy. `…-sealed`: the damage is older than the backup's checksums, so verification has nothing to object to and
 * only a check of the restored content can see it.
 */
export const sabotageKinds = {
  'heap-bit': { stage: 'repository copy', description: 'a bit of a row in a table’s file' },
  'heap-bit-sealed': { stage: 'repository copy', description: `a bit of a row, ${sealed}` },
  'index-bit': { stage: 'repository copy', description: 'a bit of an entry in an index’s file' },
  'index-bit-sealed': { stage: 'repository copy', description: `a bit of an index entry, ${sealed}` },
  'visibility-map-bit': { stage: 'repository copy', description: 'a bit of a visibility map' },
  'visibility-map-bit-sealed': { stage: 'repository copy', description: `a bit of a visibility map, ${sealed}` },
  'clog-bit': { stage: 'repository copy', description: 'a bit of pg_xact, which says what was committed' },
  'clog-bit-sealed': { stage: 'repository copy', description: `a committed transaction’s bit in pg_xact, ${sealed}` },
  'manifest-bit': { stage: 'repository copy', description: 'a bit of a backup manifest' },
  'manifest-bit-sealed': { stage: 'repository copy', description: 'a bit of a manifest, before it was recorded' },
  'truncated-file': { stage: 'repository copy', description: 'a table’s file without its last page' },
  'truncated-file-sealed': { stage: 'repository copy', description: `a file without its last page, ${sealed}` },
  'deleted-file': { stage: 'repository copy', description: 'a table’s file that is gone' },
  'deleted-file-sealed': { stage: 'repository copy', description: `a file that is gone, ${sealed}` },
  'older-incremental': { stage: 'repository copy', description: 'an incremental replaced by the one before' },
  'older-incremental-sealed': { stage: 'repository copy', description: 'the same, with the record made to fit' },
  'foreign-manifest': { stage: 'repository copy', description: 'the manifest of another backup' },
  'foreign-manifest-sealed': { stage: 'repository copy', description: 'the same, with the record made to fit' },
  'wal-bit': { stage: 'repository copy', description: 'a bit of a WAL record' },
  'deleted-wal-segment': { stage: 'repository copy', description: 'a WAL segment that is gone' },
  'swapped-wal-segments': { stage: 'repository copy', description: 'two WAL segments under each other’s name' },
  'wrong-timeline-history': { stage: 'repository copy', description: 'a history file with another switch point' },
  'row-changed': { stage: 'restored copy', description: 'one value of one row' },
  'row-added': { stage: 'restored copy', description: 'a row that the source does not have' },
  'row-removed': { stage: 'restored copy', description: 'a row of the source that is gone' },
  'index-entry-lost': { stage: 'restored copy', description: 'an index without the entry of a row' },
  'stale-visibility-map': { stage: 'restored copy', description: 'a page with a dead row, marked all-visible' },
  'function-body-changed': { stage: 'restored copy', description: 'the body of a function' },
  'role-dropped': { stage: 'restored copy', description: 'a role that is gone' },
} as const satisfies Record<string, SabotageDescription>;

export type SabotageKind = keyof typeof sabotageKinds;

/** The kinds of one stage. */
export type KindsOf<Stage extends SabotageStage> = {
  [Kind in SabotageKind]: (typeof sabotageKinds)[Kind]['stage'] extends Stage ? Kind : never;
}[SabotageKind];

export function isOfStage<Stage extends SabotageStage>(kind: SabotageKind, stage: Stage): kind is KindsOf<Stage> {
  return sabotageKinds[kind].stage === stage;
}

export const sabotageKindNames = Object.keys(sabotageKinds) as [SabotageKind, ...SabotageKind[]];
