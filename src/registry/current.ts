import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

import { thisProcess } from '../process/process-identity.js';
import type { Owner, Thing } from './entry.js';
import { reapEarlier } from './reap-earlier.js';
import type { Registry } from './registry.js';

/** On whose behalf the code runs that is running now. */
export interface Current {
  registry: Registry;
  owner: Owner;
  cluster?: string | undefined;
  operation: string;
  attempt: number;
}

/** It follows the asynchronous calls of a step, so that no function between has to hand it on. Outside any workflow there is none. */
const current = new AsyncLocalStorage<Current>();

/** Does one attempt's work as its owner: it is registered while it runs, and so is everything it makes that could outlive it. */
export async function asOwner<T>(owner: Current, work: () => Promise<T>): Promise<T> {
  return await current.run(owner, async () => {
    const id = newId('step');
    // Only a record of what is in use: a step must also be able to run (and clean up) where the disk is full.
    await note(id, { kind: 'step', process: thisProcess() }).catch(() => undefined);
    try {
      if (owner.attempt > 1) await reapEarlier(owner.registry, owner.operation, owner.attempt);
      return await work();
    } finally {
      await forget(id).catch(() => undefined);
    }
  });
}

/** The run on whose behalf the code runs, if there is one. */
export function currentOwner(): Owner | undefined {
  return current.getStore()?.owner;
}

/** Writes down what is about to be made. Done before the thing exists, so that a crash in between leaves a record too many, never one too few. */
export async function note(id: string, thing: Thing): Promise<void> {
  const { registry, owner, cluster, operation, attempt } = current.getStore() ?? {};
  if (registry === undefined || owner === undefined || operation === undefined || attempt === undefined) return;
  await registry.put(id, {
    formatVersion: 1,
    owner,
    ...(cluster === undefined ? {} : { cluster }),
    operation,
    attempt,
    host: hostname(),
    createdAt: new Date().toISOString(),
    ...thing,
  });
}

/** Takes back what was noted, once the thing is gone or has become something that stays. */
export async function forget(id: string): Promise<void> {
  await current.getStore()?.registry.drop(id);
}

export function newId(kind: 'step' | 'tool' | 'lock'): string {
  return `${kind}-${randomUUID()}`;
}
