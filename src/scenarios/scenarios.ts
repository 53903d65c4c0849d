import { TargetError } from '../errors.js';
import { bigIntToLsn, compareLsn, lsnDistanceBytes, lsnToBigInt } from '../postgres/lsn.js';
import { chainOf } from '../repository/chains.js';
import { chanceOf } from '../sabotage/chance.js';
import type { BackupRecord } from '../schema/backup-record.js';
import { moment } from '../schema/figures.js';
import type { RecordedFence } from '../schema/results.js';
import type { ChosenScenario } from '../schema/scenario.js';
import type { ScenarioFacts } from './facts.js';

/** Only what the repository holds counts, up to its last whole record. */
export function sourceLost({ endLsn }: Pick<ScenarioFacts, 'endLsn'>): ChosenScenario {
  return {
    name: 'source-lost',
    target: 'latest',
    onTheWay: true,
    why: `all that the repository holds, which ends at ${endLsn}; the source was not asked for anything`,
  };
}

/** The oldest backup, up to the first place behind it at which the source's content is known. */
export function oldest({ backups, fences, leadsTo }: ScenarioFacts): ChosenScenario {
  const [backup] = backups;
  if (backup === undefined) throw new RangeError('no backup');
  const found = fences.find(({ fence }) => leadsTo(backup, fence.lsn));
  const what = `${backup.id} is the oldest backup (consistent from ${backup.endLsn}, ${backup.finishedAt})`;
  if (found !== undefined) {
    return {
      name: 'old',
      target: `lsn=${found.fence.lsn}`,
      chain: backup.id,
      why: `${what}; replay goes on to ${named(found)}, the first known place behind it`,
    };
  }
  return {
    name: 'old',
    target: 'immediate',
    chain: backup.id,
    why: `${what}; no drill recorded a fence that it leads to, so replay stops as soon as it is consistent`,
    notCompared: `no drill took a fence behind ${backup.id}, the oldest backup, while its WAL was kept, so nothing is known of the source there`,
  };
}

/** A moment by chance: a known one where there is any, else any place that can be restored to. */
export function random({ backups, fences, endLsn, leadsTo }: ScenarioFacts, seed: number): ChosenScenario {
  const chance = chanceOf(seed, 'scenario random');
  const found = chance.pick(fences);
  if (found !== undefined) {
    return {
      name: 'random',
      target: `lsn=${found.fence.lsn}`,
      seed,
      why: `seed ${seed} draws ${named(found)} from ${fences.length} recorded ${fences.length === 1 ? 'fence' : 'fences'}`,
    };
  }
  const from = backups.find((backup) => leadsTo(backup, endLsn))?.endLsn ?? endLsn;
  const lsn = bigIntToLsn(lsnToBigInt(from) + BigInt(chance.integer(lsnDistanceBytes(from, endLsn) + 1)));
  return {
    name: 'random',
    target: `lsn=${lsn}`,
    seed,
    why: `seed ${seed} draws ${lsn} from what can be restored, ${from} to ${endLsn}`,
    notCompared: 'no drill has recorded a fence that could be drawn, so nothing is known of the source at that place',
  };
}

/** The fence of now, from the chain with the most links that leads to it. */
export function longestChain({ backups, all, endLsn, leadsTo }: ScenarioFacts): ChosenScenario {
  const links = ({ id }: BackupRecord): number => chainOf(all, id).length;
  const leading = backups.filter((backup) => leadsTo(backup, endLsn));
  const longest = mostBy(leading, links);
  if (longest === undefined) {
    throw new TargetError({
      what: `No chain leads to the end of the archived WAL, ${endLsn}.`,
      means: 'WAL is missing behind every backup: nothing newer than the backups can be restored.',
      todo: 'Take a new full backup now, and look for what removed the WAL (pgdrill repo verify).',
    });
  }
  const longer = mostBy(backups, links);
  const left =
    longer === undefined || links(longer) <= links(longest)
      ? ''
      : `; that of ${longer.id} has ${links(longer)}, but the WAL behind it is not all there any more`;
  const count = links(longest);
  return {
    name: 'longest-chain',
    target: 'fence',
    chain: longest.id,
    why: `the chain that ends with ${longest.id} has ${count} ${count === 1 ? 'link' : 'links'}, more than any other that leads to now${left}`,
  };
}

/** The fence of now, from the newest backup that is older than a timeline switch: replay has to cross it. */
export function afterFailover({ cluster, backups, history, endLsn, leadsTo }: ScenarioFacts): ChosenScenario {
  const youngest = history.at(-1)?.timeline ?? 1;
  const left = history.at(-2);
  if (left?.endLsn === undefined) {
    throw new TargetError({
      what: `There was no failover: the archived WAL of ${cluster} is all of timeline ${youngest}.`,
      means: 'No restore can cross a timeline switch, so this scenario cannot be rehearsed.',
      todo: 'Nothing. Once the source was promoted, and its WAL arrives on the new timeline, it can be.',
    });
  }
  const { endLsn: switchLsn } = left;
  const before = backups.findLast(
    (backup) => backup.timeline !== youngest && compareLsn(backup.endLsn, switchLsn) <= 0 && leadsTo(backup, endLsn),
  );
  if (before === undefined) {
    throw new TargetError({
      what: `No backup that is older than the switch to timeline ${youngest} at ${switchLsn} leads over it.`,
      means:
        'The backups before it are gone, or WAL between them and the switch is: no restore crosses the switch any more.',
      todo: 'Nothing, where retention took them. Otherwise look for the missing WAL: pgdrill repo verify',
    });
  }
  return {
    name: 'after-failover',
    target: 'fence',
    chain: before.id,
    why: `${before.id} is the newest backup before timeline ${left.timeline} was left for ${youngest} at ${switchLsn}: replay crosses the switch`,
  };
}

function named({ drill, fence }: RecordedFence): string {
  return `the fence ${fence.lsn} that drill ${drill} took at ${moment(fence.takenAt)}`;
}

/** The last of those with the most. */
function mostBy<T>(items: readonly T[], value: (item: T) => number): T | undefined {
  let most: T | undefined;
  for (const item of items) if (most === undefined || value(item) >= value(most)) most = item;
  return most;
}
