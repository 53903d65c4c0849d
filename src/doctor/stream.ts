import type { Connection } from '../postgres/connection.js';
import { readSlot } from '../postgres/replication-slot.js';
import type { StreamedWal } from '../repository/wal-mode.js';
import type { Finding } from '../schema/results.js';
import { judgeSlot } from '../stream/judge-slot.js';

/** How the slot of a stream stands. */
export async function checkStream(client: Connection, cluster: string, wal: StreamedWal): Promise<Finding[]> {
  const findings: Finding[] = [];
  const slot = await readSlot(client, wal.slot);
  const start = `pgdrill stream start ${cluster}`;
  if (slot === undefined) {
    findings.push({
      name: 'wal stream',
      level: 'error',
      message: `There is no replication slot ${wal.slot}: WAL is not streamed, so what is committed now could not be recovered.`,
      fix: start,
    });
    return findings;
  }
  const judged = judgeSlot(slot);
  if (judged.kind === 'wal_slot_lost')
    findings.push({ name: 'wal stream', level: 'error', message: judged.message, fix: `${start} --accept-gap` });
  else if (!slot.active)
    findings.push({
      name: 'wal stream',
      level: 'error',
      message: `Nobody receives from replication slot ${wal.slot}; ${judged.message}.`,
      fix: `${start} (is a worker running? pgdrill stream status ${cluster})`,
    });
  else findings.push({ name: 'wal stream', level: judged.kind === 'ok' ? 'ok' : 'warning', message: judged.message });
  return findings;
}

/** What the source itself says of a stream, in a sentence. */
export async function describeStream(client: Connection, { slot: name }: StreamedWal): Promise<string> {
  const slot = await readSlot(client, name);
  if (slot === undefined) return `There is no replication slot ${name}: nothing is streamed.`;
  return slot.active
    ? `The stream has received up to ${slot.writtenLsn ?? '?'}, the source is at ${slot.flushLsn}.`
    : `Nobody receives from replication slot ${name} now; it holds WAL from ${slot.restartLsn ?? '?'} on.`;
}
