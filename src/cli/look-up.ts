import { listRuns } from '../client/status.js';
import { connectTemporal } from '../client/temporal.js';
import { wishedSchedules } from '../client/schedules/wished.js';
import { clusterOf } from '../configuration/cluster.js';
import { loadConfiguration } from '../configuration/load.js';
import { listHolds } from '../repository/holds.js';
import { listBackups, openRepository } from '../repository/repository.js';
import { holderOf } from '../schema/hold.js';
import type { Lookup } from './complete.js';

/** Nobody waits longer than this for a completion. */
const patience = '1s';
const mostRuns = 30;

/** Looks up what a shell may complete. Where something cannot be read there is nothing to complete: no reason to say so. */
export const lookUp: Lookup = async (kind, typed) => {
  try {
    return await found(kind, typed);
  } catch {
    return [];
  }
};

const found: Lookup = async (kind, { arguments: [cluster = ''], config }) => {
  const loaded = await loadConfiguration(config === undefined ? {} : { path: config });
  switch (kind) {
    case 'cluster':
      return Object.keys(loaded.configuration.clusters).map((word) => ({ word, description: 'cluster' }));
    case 'run': {
      const temporal = await connectTemporal(loaded.stateDirectory, patience);
      try {
        const runs = await temporal.client.withDeadline(Date.now() + 1_000, () => listRuns(temporal, mostRuns));
        return runs.map(({ id, kind: type, status }) => ({ word: id, description: `${type}, ${status}` }));
      } finally {
        await temporal.close();
      }
    }
    case 'backup': {
      const backups = await listBackups(await openRepository(clusterOf(loaded, cluster)));
      return backups.map(({ id, type }) => ({ word: id, description: type })).reverse();
    }
    case 'hold': {
      const holds = await listHolds(await openRepository(clusterOf(loaded, cluster)));
      return holds.map((hold) => ({ word: hold.id, description: holderOf(hold) }));
    }
    case 'schedule':
      return wishedSchedules(loaded.configuration)
        .filter((wish) => wish.cluster === cluster)
        .map(({ name, kind: what, cron }) => ({ word: name ?? what, description: `${what}, ${cron}` }));
  }
};
