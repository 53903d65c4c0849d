import { expect, it } from 'vitest';

import { hbaLines, unknownAddress } from '../../src/setup/hba-lines.js';

const words = (lines: readonly string[]): string[][] => lines.map((line) => line.split(/\s+/));

it('replication has a line of its own, since "all" does not cover it', () => {
  expect(words(hbaLines({ host: '/run/postgresql' }, 'pgdrill'))).toEqual([
    ['local', 'all', 'pgdrill', 'scram-sha-256'],
    ['local', 'replication', 'pgdrill', 'scram-sha-256'],
  ]);
});

it.each([
  [{ host: 'localhost' }, undefined, 'host', '127.0.0.1/32'],
  [{ host: '::1' }, undefined, 'host', '::1/128'],
  [{ host: 'db.example' }, undefined, 'host', unknownAddress],
  [{ host: 'db.example', sslmode: 'verify-full' }, '192.0.2.7', 'hostssl', '192.0.2.7/32'],
  [{ hostaddr: '192.0.2.1', sslmode: 'prefer' }, '2001:db8::7', 'host', '2001:db8::7/128'],
])('%j seen as %s', (connection, seenAs, type, address) => {
  const [first] = words(hbaLines(connection, 'pgdrill', seenAs));
  expect(first).toEqual([type, 'all', 'pgdrill', address, 'scram-sha-256']);
});

it('a role with an odd name is quoted, as pg_hba.conf wants it', () => {
  expect(hbaLines({ host: '/tmp' }, 'Backup "Rolle"')[0]).toContain('"Backup ""Rolle"""');
});
