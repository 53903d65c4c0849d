import { describe, expect, it } from 'vitest';

import { hopeless } from '../../src/stream/hopeless.js';

const stream = {
  name: 'shop',
  walDirectory: '/shop/wal',
  wal: { mode: 'stream', slot: 'pgdrill_shop', synchronous: false, compression: 'none' },
} as const;
const refused = 'pg_receivewal: error: could not send replication command "START_REPLICATION": ERROR:  ';

describe('what pg_receivewal says', () => {
  it.each([
    [
      `${refused}requested WAL segment 000000010000000000000009 has already been removed`,
      /has a gap: it needs WAL segment 000000010000000000000009 next/,
    ],
    [
      `${refused}can no longer access replication slot "pgdrill_shop"`,
      /has a gap: replication slot pgdrill_shop is lost/,
    ],
    [
      `${refused}requested starting point 0/A00000 on timeline 1 is not in this server's history`,
      /holds WAL of timeline 1 up to 0\/A00000, which the source’s present timeline does not come from/,
    ],
    [
      `${refused}requested timeline 2 is not in this server's history`,
      /holds WAL of timeline 2, which the source has never been on/,
    ],
    [
      'pg_receivewal: error: starting timeline 12 is not present in the server',
      /holds WAL of timeline 12, which the source has never been on/,
    ],
  ])('%s: only a person helps', (said, message) => {
    expect(hopeless(stream, said)?.message).toMatch(message);
  });

  it.each([
    refused,
    'pg_receivewal: error: could not receive data from WAL stream: server closed the connection unexpectedly',
    'pg_receivewal: error: connection to server on socket "/x/.s.PGSQL.5432" failed: FATAL:  the database system is starting up',
  ])('%s: time may mend it', (said) => {
    expect(hopeless(stream, said)).toBeUndefined();
  });
});
