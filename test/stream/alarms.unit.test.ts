import { expect, it } from 'vitest';

import type { AlarmSubject } from '../../src/schema/stream.js';
import { Alarms } from '../../src/stream/alarms.js';

let now = 0;
let given: string[] = [];
let broken = false;
function alarms(): (subject: AlarmSubject, kind: string) => Promise<void> {
  [now, given, broken] = [0, [], false];
  const under = new Alarms(
    ({ kind, message }) => {
      if (broken) return Promise.reject(new Error('nobody listens'));
      given.push(`${kind}: ${message}`);
      return Promise.resolve();
    },
    { calmMs: 10, now: () => now },
  );
  return (subject, kind) => under.tell({ subject, kind, severity: 'warning', message: subject, figures: {} });
}

it('an alarm is given once when it begins and once when it is over, whatever another subject does', async () => {
  const tell = alarms();
  await tell('stream', 'wal_slot_lag');
  await tell('compression', 'wal_compression_failed');
  await tell('stream', 'wal_slot_lag');
  await tell('compression', 'wal_compression_failed');
  await tell('stream', 'wal_slot_unreserved');
  expect(given).toEqual(['wal_slot_lag: stream', 'wal_compression_failed: compression', 'wal_slot_unreserved: stream']);
  await tell('compression', 'ok');
  now = 10;
  await tell('compression', 'ok');
  await tell('compression', 'ok');
  expect(given.slice(3)).toEqual([
    'wal_stream_recovered: The WAL stream is well again (it was: wal_compression_failed): compression',
  ]);
  await tell('stream', 'ok');
  now = 20;
  await tell('stream', 'ok');
  await tell('stream', 'wal_slot_lag');
  expect(given.slice(4)).toEqual([
    'wal_stream_recovered: The WAL stream is well again (it was: wal_slot_lag, wal_slot_unreserved): stream',
    'wal_slot_lag: stream',
  ]);
});

it('one that comes and goes is one trouble until it is calm', async () => {
  const tell = alarms();
  for (now = 0; now < 100; now += 5) await tell('stream', now % 10 === 0 ? 'wal_stream_down' : 'ok');
  expect(given).toEqual(['wal_stream_down: stream']);
  now = 110;
  await tell('stream', 'ok');
  expect(given).toHaveLength(2);
});

it('says at first also that all is well, and only then', async () => {
  const tell = alarms();
  await tell('stream', 'ok');
  await tell('stream', 'ok');
  expect(given).toEqual(['ok: stream']);
});

it('is given again where nobody took it', async () => {
  const tell = alarms();
  broken = true;
  await expect(tell('stream', 'wal_stream_down')).rejects.toThrow('nobody listens');
  broken = false;
  await tell('stream', 'wal_stream_down');
  expect(given).toEqual(['wal_stream_down: stream']);
});
