import { setTimeout as sleep } from 'node:timers/promises';

import { SourceNotReadyError } from '../errors.js';
import type { Connection } from '../postgres/connection.js';
import { createSlot, dropSlot, readSlot, type ReplicationSlot } from '../postgres/replication-slot.js';
import { gapError, readMark, type Stream, writeMark } from './stream.js';

/** As long as the server may take to notice that a receiver is gone. */
const mostSecondsActive = 15;

/**
 * Sees to it that the stream's slot is there, is ours, and is free. It is created where there is none: at the first start, and on a standby
 * that was promoted (slots are not copied to standbys).
 *
 * @param lost what to do with a slot that the source has invalidated: refuse it, or make it anew behind the gap.
 * @throws SourceNotReadyError for a slot that is somebody else's or in use, RepositoryError for a lost one.
 */
export async function ensureSlot(
  client: Connection,
  stream: Stream,
  systemIdentifier: string,
  lost: 'refuse' | 'renew' = 'refuse',
): Promise<{ slot: ReplicationSlot; created: boolean }> {
  const name = stream.wal.slot;
  const mark = await readMark(stream.repository);
  let slot = await readSlot(client, name);
  if (slot !== undefined) {
    if (mark?.slot !== name || mark.systemIdentifier !== systemIdentifier || slot.type !== 'physical')
      throw notOurs(stream, slot);
    for (let waited = 0; slot?.active === true; waited += 1) {
      if (waited === mostSecondsActive) throw inUse(stream, slot);
      await sleep(1_000);
      slot = await readSlot(client, name);
    }
  }
  if (slot?.walStatus === 'lost') {
    if (lost === 'refuse')
      throw gapError(stream, `replication slot ${name} is lost, the source has removed WAL that was not received.`);
    await dropSlot(client, name);
    slot = undefined;
  }
  if (slot !== undefined) return { slot, created: false };
  await writeMark(stream.repository, { slot: name, systemIdentifier, createdAt: new Date().toISOString() });
  await createSlot(client, name);
  const made = await readSlot(client, name);
  if (made === undefined) throw new RangeError(`slot ${name} vanished`);
  return { slot: made, created: true };
}

function notOurs(stream: Stream, slot: ReplicationSlot): SourceNotReadyError {
  return new SourceNotReadyError({
    what: `There is a ${slot.type} replication slot ${slot.name} on the source already, and nothing in ${stream.repository.path} says that it is this stream’s.`,
    means: 'It may be a standby’s or another tool’s: pgdrill neither uses nor drops it.',
    todo: `Name another one in clusters.${stream.name}.wal.slot. If nobody needs it: select pg_drop_replication_slot('${slot.name}');`,
  });
}

function inUse(stream: Stream, slot: ReplicationSlot): SourceNotReadyError {
  return new SourceNotReadyError({
    what: `Replication slot ${slot.name} is in use by process ${slot.activePid ?? '?'} on the source.`,
    means: 'Somebody else receives WAL through it; two cannot.',
    todo: `Find out who (pg_stat_replication, pid ${slot.activePid ?? '?'}) and stop it, or name another slot in clusters.${stream.name}.wal.slot.`,
  });
}
