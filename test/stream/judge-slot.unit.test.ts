import { describe, expect, it } from 'vitest';

import type { ReplicationSlot } from '../../src/postgres/replication-slot.js';
import { judgeSlot } from '../../src/stream/judge-slot.js';

const slot: ReplicationSlot = {
  name: 'pgdrill_shop',
  type: 'physical',
  active: true,
  activePid: 7,
  restartLsn: '0/3000000',
  walStatus: 'reserved',
  safeWalBytes: 1,
  insertLsn: '0/3000100',
  at: '2026-11-28T12:00:00.000Z',
  flushLsn: '0/3000100',
  writtenLsn: '0/3000100',
  heldBytes: 256,
  keepBytes: 1_000_000,
};

describe('a slot', () => {
  it.each([
    ['that keeps up is well', {}, 'ok'],
    ['that holds half of what it may is well', { heldBytes: 500_000 }, 'ok'],
    ['that holds more than half of what it may is an alarm', { heldBytes: 500_001 }, 'wal_slot_lag'],
    ['that may hold as much as it likes is none', { heldBytes: 1e12, keepBytes: undefined }, 'ok'],
    ['that is unreserved is an alarm', { walStatus: 'unreserved' }, 'wal_slot_unreserved'],
    ['that is lost is an alarm', { walStatus: 'lost', heldBytes: null }, 'wal_slot_lost'],
    ['that reserves nothing yet is well', { walStatus: null, restartLsn: null, heldBytes: null }, 'ok'],
  ] as const)('%s', (_, change, kind) => {
    expect(judgeSlot({ ...slot, ...change }).kind).toBe(kind);
  });

  it('that is lost says plainly what to do', () => {
    expect(judgeSlot({ ...slot, walStatus: 'lost' }).message).toMatch(/gap; only a new full backup/);
  });
});
