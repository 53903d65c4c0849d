import { expect, it } from 'vitest';

import { Alarms } from '../../src/stream/alarms.js';

it('an alarm is given once when it begins and once when it is over, whatever another subject does', async () => {
  const given: string[] = [];
  const alarms = new Alarms(({ kind, message }) => {
    given.push(`${kind}: ${message}`);
    return Promise.resolve();
  });
  const stream = (kind: string): Promise<void> =>
    alarms.tell('stream', { kind, severity: 'warning', message: 'the slot', figures: {} });
  const compression = (kind: string): Promise<void> =>
    alarms.tell('compression', { kind, severity: 'warning', message: 'zstd', figures: {} });

  await stream('ok');
  await compression('wal_compression_failed');
  await stream('ok');
  await compression('wal_compression_failed');
  expect(given).toEqual(['wal_compression_failed: zstd']);

  await stream('wal_slot_lag');
  await stream('wal_slot_lost');
  await compression('ok');
  await stream('ok');
  expect(given.slice(1)).toEqual([
    'wal_slot_lag: the slot',
    'wal_slot_lost: the slot',
    'wal_stream_recovered: The WAL stream is well again (it was: wal_compression_failed): zstd',
    'wal_stream_recovered: The WAL stream is well again (it was: wal_slot_lost): the slot',
  ]);
});
