import type { Entry, Owner } from '../registry/entry.js';
import { moment } from '../schema/figures.js';

/** What Temporal says of a run. */
export type OwnerState = { state: 'running' } | { state: 'closed'; closedAt: string } | { state: 'unknown' };

export interface Facts {
  owner: OwnerState;
  /** A living worker process works on the owner's behalf just now, whatever Temporal says. */
  inUse: boolean;
  namespace: string;
  host: string;
  /** Hosts that a person has said are gone for good. */
  goneHosts: readonly string[];
  now: Date;
  /** How long after a run's end its leftovers are left alone. */
  graceMs: number;
}

/**
 * Temporal forgets a run some time after its end (the namespace's retention; a day on a dev server). A run that it does not know may also
 * be one of a server that is just being restored: what is this old is nobody's.
 */
export const unknownAgeMs = 3 * 24 * 60 * 60_000;

/** Long enough for a worker to learn, by its next heartbeat, that the run it works for is over. */
export const defaultGraceMs = 60_000;

export interface Decision {
  remove: boolean;
  why: string;
}

/** Whether something that is registered is left over. In doubt it is not. */
export function decide(entry: Pick<Entry, 'owner' | 'host' | 'createdAt'>, facts: Facts): Decision {
  const { owner, now } = facts;
  if (entry.owner.namespace !== facts.namespace)
    return keep(`it belongs to a run in Temporal namespace ${entry.owner.namespace}`);
  if (entry.host !== facts.host && !facts.goneHosts.includes(entry.host))
    return keep(
      `it was made on host ${entry.host}, which cannot be looked into from here (if that is gone for good: pgdrill janitor --gone-host ${entry.host})`,
    );
  if (facts.inUse) return keep('a worker still works for its run');
  if (owner.state === 'running') return keep('its run is not over');
  if (owner.state === 'closed') {
    const since = now.getTime() - Date.parse(owner.closedAt);
    if (since < facts.graceMs) return keep(`its run ended only ${Math.max(0, Math.round(since / 1_000))} s ago`);
    return { remove: true, why: `its run ended at ${moment(owner.closedAt)}` };
  }
  if (now.getTime() - Date.parse(entry.createdAt) < unknownAgeMs)
    return keep('Temporal does not know its run, but it is not old');
  return { remove: true, why: `Temporal does not know its run, and it is of ${moment(entry.createdAt)}` };
}

function keep(why: string): Decision {
  return { remove: false, why };
}

/** Names a run, as a key of maps. */
export function ownerKey({ namespace, workflowId, runId }: Owner): string {
  return JSON.stringify([namespace, workflowId, runId]);
}
