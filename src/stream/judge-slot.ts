import type { ReplicationSlot } from '../postgres/replication-slot.js';
import { bytes } from '../schema/figures.js';

/** Beyond this share of `max_slot_wal_keep_size` somebody should look. */
const alarmingShare = 0.5;

/** How a slot stands, in one word that is stable (an event's kind), and a sentence. */
export interface SlotJudgement {
  kind: 'ok' | 'wal_slot_lag' | 'wal_slot_unreserved' | 'wal_slot_lost';
  severity: 'info' | 'warning' | 'critical';
  message: string;
}

/** Judges how far a slot holds the source's WAL back, before it is lost or the source's disk is full. */
export function judgeSlot(slot: ReplicationSlot): SlotJudgement {
  const { name, walStatus, keepBytes } = slot;
  const held = slot.heldBytes ?? 0;
  if (walStatus === 'lost') {
    return {
      kind: 'wal_slot_lost',
      severity: 'critical',
      message: `Replication slot ${name} is lost: the source has removed WAL that was not received (max_slot_wal_keep_size). The WAL archive has a gap; only a new full backup closes it.`,
    };
  }
  if (walStatus === 'unreserved') {
    return {
      kind: 'wal_slot_unreserved',
      severity: 'critical',
      message: `Replication slot ${name} is unreserved: it holds ${bytes(held)} of WAL, more than max_slot_wal_keep_size, and is lost at the next checkpoint unless the stream catches up.`,
    };
  }
  if (keepBytes !== undefined && held > keepBytes * alarmingShare) {
    return {
      kind: 'wal_slot_lag',
      severity: 'warning',
      message: `Replication slot ${name} holds ${bytes(held)} of WAL, more than ${alarmingShare * 100} % of max_slot_wal_keep_size (${bytes(keepBytes)}): the stream does not keep up, or stands.`,
    };
  }
  return {
    kind: 'ok',
    severity: 'info',
    message: `replication slot ${name} holds ${bytes(held)} of WAL${keepBytes === undefined ? '' : ` (of at most ${bytes(keepBytes)})`}`,
  };
}
