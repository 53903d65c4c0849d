import { join } from 'node:path';

import type { ControlData } from '../../postgres/controldata.js';
import { compareLsn } from '../../postgres/lsn.js';
import { readTimelineHistory, type TimelineSpan } from '../../postgres/timeline.js';
import type { ControlExpectation } from '../../schema/control-expectation.js';
import type { Check } from '../../schema/results.js';

/**
 * The check `control data`: `pg_controldata` of the promoted cluster, after a clean shutdown, against what is known of the backup.
 * Each problem names the field as pg_controldata calls it.
 */
export async function checkControlData(
  dataDirectory: string,
  control: ControlData,
  expected: ControlExpectation,
): Promise<Check> {
  const startedAt = performance.now();
  const history = await readTimelineHistory(join(dataDirectory, 'pg_wal'), control.timeline);
  const problems = judgeControlData(control, expected, history);
  return {
    name: 'control data',
    status: problems.length === 0 ? 'passed' : 'failed',
    summary:
      problems.length === 0
        ? `System ${control.systemIdentifier}, timeline ${control.timeline}, shut down cleanly at ${control.checkpointLsn}: as backup ${expected.backup} lets expect.`
        : `${problems.length} fields of the control file are not as backup ${expected.backup} lets expect.`,
    figures: { fields: comparedFields + Object.keys(expected.format).length, wrong: problems.length },
    problems,
    seconds: (performance.now() - startedAt) / 1_000,
  };
}

/** Besides those of the format. */
const comparedFields = 10;

export function judgeControlData(
  control: ControlData,
  expected: ControlExpectation,
  history: readonly TimelineSpan[] | undefined,
): Check['problems'] {
  const problems: Check['problems'] = [];
  const require = (right: boolean, object: string, detail: string): void => {
    if (!right) problems.push({ object, detail });
  };
  const same = (object: string, found: string, wanted: string): void =>
    require(found === wanted, object, `is ${found || '(nothing)'}, expected ${wanted}`);

  same('Database system identifier', control.systemIdentifier, expected.systemIdentifier);
  same('Database cluster state', control.clusterState, 'shut down');
  for (const [label, wanted] of Object.entries(expected.format)) same(label, control.format[label] ?? '', wanted);
  require(control.dataChecksums ===
    expected.dataChecksums, 'Data page checksum version', `checksums are ${control.dataChecksums ? 'on' : 'off'}, on the source they were ${expected.dataChecksums ? 'on' : 'off'}`);
  require(compareLsn(control.checkpointLsn, expected.backupEndLsn) >=
    0, 'Latest checkpoint location', `is ${control.checkpointLsn}, before the backup's end ${expected.backupEndLsn}`);
  // A shutdown checkpoint is its own redo point: nothing is left to replay.
  same("Latest checkpoint's REDO location", control.redoLsn, control.checkpointLsn);
  for (const [label, lsn] of [
    ['Minimum recovery ending location', control.minRecoveryEndLsn],
    ['Backup start location', control.backupStartLsn],
    ['Backup end location', control.backupEndLsn],
  ] as const)
    require(lsn === '0/0', label, `is ${lsn}, so recovery of the backup has not come to its end`);
  require(control.nextXid >=
    BigInt(
      expected.nextXid,
    ), "Latest checkpoint's NextXID", `is ${control.nextXid}, and was ${expected.nextXid} in the backup already`);
  problems.push(...judgeTimeline(control, expected, history));
  return problems;
}

/** Promotion leaves the timeline that was replayed, at a place behind the backup's end, for a new one. */
function judgeTimeline(
  control: ControlData,
  { targetTimeline, backupEndLsn }: ControlExpectation,
  history: readonly TimelineSpan[] | undefined,
): Check['problems'] {
  const object = "Latest checkpoint's TimeLineID";
  if (control.timeline <= targetTimeline)
    return [{ object, detail: `is ${control.timeline}, expected a new one behind ${targetTimeline}` }];
  if (history === undefined) return [{ object, detail: `is ${control.timeline}, whose history file is missing` }];
  const left = history.at(-2);
  if (left?.timeline !== targetTimeline || left.endLsn === undefined) {
    return [
      {
        object,
        detail: `is ${control.timeline}, which left timeline ${left?.timeline ?? '(none)'}, expected ${targetTimeline}`,
      },
    ];
  }
  if (compareLsn(left.endLsn, backupEndLsn) < 0 || compareLsn(left.endLsn, control.checkpointLsn) > 0) {
    const detail = `is ${control.timeline}, which left ${targetTimeline} at ${left.endLsn}: not between the backup's end ${backupEndLsn} and the checkpoint ${control.checkpointLsn}`;
    return [{ object, detail }];
  }
  return [];
}
