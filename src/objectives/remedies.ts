import { boundBy } from '../report/bound-by.js';
import { bytes, seconds } from '../schema/figures.js';
import type { Forecast } from '../schema/objectives.js';
import type { Phase } from '../schema/results.js';
import type { ObjectiveDrill } from './read-drills.js';

/**
 * What would bring the RTO under its objective: from the newest drill's own phases, each with what it would save. Nothing where no
 * objective is set, or where neither the last RTO nor a forecast one is beyond it.
 *
 * @param drills oldest first.
 */
export function remedies(
  drills: readonly ObjectiveDrill[],
  forecast: Forecast,
  objectiveSeconds: number | undefined,
): string[] {
  const last = drills.findLast(({ clock, verdict }) => clock.rtoSeconds !== undefined && verdict !== 'failed');
  const rtoSeconds = last?.clock.rtoSeconds;
  if (last === undefined || rtoSeconds === undefined || objectiveSeconds === undefined) return [];
  const worst =
    forecast.status === 'too few drills' || forecast.missedInDays === undefined
      ? rtoSeconds
      : Math.max(rtoSeconds, forecast.next.seconds, ...forecast.points.map((point) => point.seconds));
  const excess = worst - objectiveSeconds;
  if (excess <= 0) return [];
  const found = [lessWal(last, excess), shorterChain(last, excess)].filter((each) => each !== undefined);
  return [...found, longestPhase(last)];
}

/** WAL behind the last backup is replayed at each restore: an incremental taken in between takes its place. */
function lessWal(drill: ObjectiveDrill, excess: number): string | undefined {
  const replay = phaseOf(drill, 'replay');
  const wal = replay?.bytes ?? 0;
  if (replay === undefined || wal <= 0 || replay.seconds < 1) return undefined;
  const allowed = wal * (1 - excess / replay.seconds);
  const cost = `Replaying ${bytes(wal)} of WAL took ${seconds(replay.seconds)}.`;
  if (allowed <= 0)
    return `More frequent incremental backups: ${cost} Even without any the RTO would stay ${seconds(excess - replay.seconds)} beyond its objective.`;
  return `More frequent incremental backups: ${cost} With at most ${bytes(allowed)} to replay it would be met: an incremental about ${(wal / allowed).toFixed(1)} times as often.`;
}

/** Each link of a chain is read whole to be verified and combined; a consolidated one is read once. */
function shorterChain(drill: ObjectiveDrill, excess: number): string | undefined {
  const { chain, restoredBytes } = drill;
  const verify = phaseOf(drill, 'verify');
  const [read, first] = [chain.reduce((total, { sizeBytes }) => total + sizeBytes, 0), chain[0]];
  if (chain.length < 2 || first === undefined || verify?.bytes === undefined || verify.bytes <= 0) return undefined;
  const saved = (Math.max(0, read - Math.max(first.sizeBytes, restoredBytes ?? 0)) / verify.bytes) * verify.seconds;
  if (saved < 1) return undefined;
  return `Consolidation (pgdrill consolidate): the chain has ${chain.length} links of ${bytes(read)} together. Made one full backup, verifying would take about ${seconds(saved)} less${saved >= excess ? '' : `, of the ${seconds(excess)} that are needed`}; combining less, too.`;
}

function longestPhase(drill: ObjectiveDrill): string {
  const restoring = drill.clock.phases.filter(({ name }) => name !== 'validate');
  const longest = restoring.toSorted((a, b) => b.seconds - a.seconds)[0];
  if (longest === undefined) return 'No phase was measured.';
  const bound = boundBy(longest);
  return `The longest phase is ${longest.name}: ${seconds(longest.seconds)}${bound === undefined ? '' : `, bounded by ${bound}`}.`;
}

/** All of that name together: replay may have stopped on the way. */
function phaseOf({ clock }: ObjectiveDrill, name: Phase['name']): Phase | undefined {
  const [first, ...others] = clock.phases.filter((phase) => phase.name === name);
  if (first === undefined || others.length === 0) return first;
  const all = [first, ...others];
  const sum = (value: (phase: Phase) => number): number => all.reduce((total, phase) => total + value(phase), 0);
  return { name, seconds: sum(({ seconds: took }) => took), bytes: sum(({ bytes: size = 0 }) => size) };
}
