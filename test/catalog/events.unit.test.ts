import { expect, it } from 'vitest';

import { eventOfBackup, eventOfFailedBackup } from '../../src/catalog/events.js';
import { backupRecord } from './fixtures.js';

it('a backup is an event with its duration, its size and the WAL that was written meanwhile', () => {
  const record = backupRecord({
    ...{ type: 'full', durationMs: 61_250, sizeBytes: 4_000, startLsn: '0/2000028', endLsn: '0/3000128' },
  });
  expect(eventOfBackup(record)).toMatchObject({
    severity: 'info',
    kind: 'backup_completed',
    figures: { durationSeconds: 61.25, sizeBytes: 4_000, walBytes: 0x1000100 },
  });
});

it('one that failed is a critical event with the error', () => {
  const event = eventOfFailedBackup({
    ...{ cluster: 'shop', type: 'full', operation: 'o', workflowId: 'w' },
    ...{ startedAt: '2026-11-24T02:00:00.000Z', finishedAt: '2026-11-24T02:01:00.000Z' },
    reason: 'There is no room left.',
  });
  expect(event).toMatchObject({ severity: 'critical', kind: 'backup_failed', message: 'There is no room left.' });
});
