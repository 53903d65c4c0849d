import type { ResolvedCluster } from '../configuration/cluster.js';
import { judgeCluster } from '../objectives/judge.js';
import { readDrills } from '../objectives/read-drills.js';
import { openRepository } from '../repository/repository.js';
import { seconds } from '../schema/figures.js';
import type { ToDo } from '../schema/leftovers.js';
import type { Notification, NotificationEvent } from '../schema/notification.js';
import { lookAtArchive, openGaps } from '../verify/verify.js';
import { longestUnarchived } from './unarchived.js';

type Due = Pick<Notification, 'severity' | 'title' | 'text' | 'command'> & { event: NotificationEvent };
type DueCluster = Pick<ResolvedCluster, 'name' | 'connection' | 'repository' | 'walDirectory' | 'wal' | 'objectives'>;

/** What can be wrong with a cluster without any run having told it. Each by itself: one that cannot be looked at hides no other. */
export const dueLooks: readonly ((cluster: DueCluster, now: Date, signal: AbortSignal) => Promise<Due[]>)[] = [
  proofTooOld,
  archiveGap,
  walObjectiveMissed,
];

/** A message of the day: its id has the day in it, so that it is told once a day, for as long as it lasts. */
export function ofToday(cluster: string, due: Due, now: Date, about = ''): Notification {
  const at = now.toISOString();
  return { ...due, id: [due.event, cluster, ...(about === '' ? [] : [about]), at.slice(0, 10)].join('/'), cluster, at };
}

async function proofTooOld(cluster: DueCluster, now: Date): Promise<Due[]> {
  const { name } = cluster;
  const proof = judgeCluster(cluster, await readDrills(await openRepository(cluster)), now).objectives.find(
    (objective) => objective.name === 'proven_within',
  );
  if (proof?.status !== 'missed') return [];
  return [
    {
      event: 'proof_too_old',
      severity: 'warning',
      title: `${name}: the last proof is older than ${proof.objective ?? ''}`,
      text: proof.how,
      command: `pgdrill drill ${name}`,
    },
  ];
}

async function archiveGap(cluster: DueCluster, _now: Date, signal: AbortSignal): Promise<Due[]> {
  const { name, walDirectory } = cluster;
  const open = openGaps((await lookAtArchive(await openRepository(cluster), walDirectory, signal)).gaps);
  const [first] = open;
  if (first === undefined) return [];
  return [
    {
      event: 'archive_gap',
      severity: 'critical',
      title: `${name}: WAL is missing in the archive`,
      text: `${first.what}${open.length > 1 ? ` And ${open.length - 1} more.` : ''} Take a full backup now: it does not need the lost WAL.`,
      command: `pgdrill repo verify ${name}`,
    },
  ];
}

/** A stream that stands is told by its workflow within a minute. */
async function walObjectiveMissed(cluster: DueCluster, _now: Date, signal: AbortSignal): Promise<Due[]> {
  const { name, wal, objectives } = cluster;
  if (wal.mode === 'stream' || objectives.rpoSeconds === undefined) return [];
  const oldest = await longestUnarchived(cluster, signal);
  if (oldest === undefined || oldest.seconds <= objectives.rpoSeconds) return [];
  const failed = oldest.failedAt === undefined ? '' : ` The archiver failed at it, last at ${oldest.failedAt}.`;
  return [
    {
      event: 'objective_missed',
      severity: 'critical',
      title: `${name}: RPO missed, WAL is not archived`,
      text: `Segment ${oldest.segment} was finished ${seconds(oldest.seconds)} ago and is not archived; ${oldest.waits} wait. What was committed since would be lost with the source: the objective is ${objectives.rpo ?? ''}.${failed} The log of the source says why.`,
      command: `pgdrill doctor ${name}`,
    },
  ];
}

/** Temporal has other schedules than the configuration: backups and drills run otherwise than people think. */
export function scheduleDrift(name: string, differences: readonly string[]): Due {
  return {
    event: 'schedule_drift',
    severity: 'warning',
    title: `${name}: schedules differ from the configuration`,
    text: differences.join(' '),
    command: 'pgdrill policies plan',
  };
}

/** Something that the janitor could not remove. */
export function leftOver({ what, why, todo }: ToDo): Due {
  return {
    event: 'failed',
    severity: 'critical',
    title: `${what} should be gone and is not`,
    text: `${why}. To do: ${todo}`,
    command: 'pgdrill janitor',
  };
}
