import { describe, expect, test } from 'vitest';

import { nextSteps } from '../../src/hand-over/next-steps.js';
import { overridesFor } from '../../src/hand-over/own-settings.js';
import { renderHandOver } from '../../src/hand-over/render.js';
import type { HandOver, RestoredFacts } from '../../src/schema/hand-over.js';
import type { PostgresTools } from '../../src/toolchain/postgres.js';

const tools: PostgresTools = {
  binDirectory: '/pg/bin',
  version: '17.5',
  major: 17,
  libraryDirectory: undefined,
  origin: 'path',
};
const seen: RestoredFacts = {
  databases: [{ name: 'shop', sizeBytes: 2_000_000 }],
  unlogged: { count: 0, first: [] },
  subscriptions: [],
  missingExtensions: [],
  libraryDirectory: '/pg/lib',
  preparedTransactions: [],
};
const bare: Omit<HandOver, 'nextSteps'> = {
  dataDirectory: '/data/new',
  osUser: 'postgres',
  serverVersion: '17.5',
  start: 'pg_ctl start',
  connect: 'psql',
  target: 'latest',
  timeline: 18,
  reachedLsn: '0/5000000',
  lastCommitAt: '2026-11-22T02:00:00.000Z',
  settings: { mode: 'production', overrides: overridesFor(seen), compared: [], problems: [] },
  archiving: { directory: '/repo/wal', safe: true, found: [] },
  replication: { slots: [], standbys: [], recordedAt: '2026-11-21T02:00:00Z' },
  seen,
};

function stepsOf(change: Partial<typeof bare>, replicationKnown = true): HandOver['nextSteps'] {
  const sheet = { ...bare, ...change };
  if (!replicationKnown) delete sheet.replication;
  const sandbox = {
    ...{ id: 'r', directory: '/s/r', dataDirectory: sheet.dataDirectory },
    ...{ socketDirectory: '/tmp/x', port: 5432, superuser: 'postgres' },
  };
  return nextSteps(tools, {
    ...{ sandbox, sheet, settings: sheet.settings.mode, cluster: 'shop', walDirectory: '/repo/wal' },
    ...{ target: { requested: 'latest', settings: {}, timeline: 1 }, timeline: sheet.timeline },
    ...{ replay: { reachedLsn: sheet.reachedLsn }, connection: { host: '/run', port: '5433', user: 'postgres' } },
  });
}

const textOf = (steps: HandOver['nextSteps']): string =>
  steps.map(({ title, why, commands }) => [title, why, ...commands].join('\n')).join('\n');

describe('the next steps', () => {
  test('archive again only where the archive knows nothing of the new timeline, its history first', () => {
    const safe = textOf(stepsOf({}));
    expect(safe).toMatch(
      /cp -n \/data\/new\/pg_wal\/00000012\.history \/repo\/wal\/\n.*alter system reset archive_mode/,
    );
    const taken = textOf(stepsOf({ archiving: { directory: '/repo/wal', safe: false, found: ['00000012.history'] } }));
    expect(taken).toMatch(/never archive there/);
    expect(taken).not.toContain('reset archive_mode');
  });

  test('make the slots anew that the source had, where they belong', () => {
    const text = textOf(
      stepsOf({
        replication: {
          slots: [
            { name: 'standby_1', type: 'physical' },
            { name: `it's`, type: 'logical', plugin: 'pgoutput', database: 'shop "two"' },
          ],
          standbys: [{ name: 'walreceiver', state: 'streaming', sync: 'async' }],
          recordedAt: '2026-11-21T02:00:00Z',
        },
      }),
    );
    expect(text).toContain(`-d postgres -c "select pg_create_physical_replication_slot('standby_1')"`);
    expect(text).toContain(`-d 'shop "two"' -c "select pg_create_logical_replication_slot('it''s', 'pgoutput')"`);
    expect(text).toMatch(/Standbys: walreceiver/);
  });

  test('say that it is not known which there were, with a backup of an earlier pgdrill', () => {
    expect(textOf(stepsOf({}, false))).toMatch(/did not write down which/);
  });

  test('end prepared transactions and let subscriptions go on, where there are some', () => {
    const both = {
      ...seen,
      preparedTransactions: [{ database: 'shop', gid: 'tx 1' }],
      subscriptions: [{ database: 'shop', name: 'feed' }],
    };
    expect(textOf(stepsOf({ seen: both }))).toMatch(/rollback prepared 'tx 1'[^]*Subscriptions: feed in shop/);
    expect(textOf(stepsOf({}))).not.toMatch(/rollback prepared|Subscriptions/);
    expect(overridesFor(both).map(({ name }) => name)).toContain('max_logical_replication_workers');
    expect(overridesFor(seen).map(({ name }) => name)).not.toContain('max_logical_replication_workers');
  });

  test('restore production settings where it starts with those of a sandbox', () => {
    const text = textOf(stepsOf({ settings: { mode: 'sandbox', overrides: [], compared: [], problems: [] } }));
    expect(text).toMatch(/mv \/data\/new\/postgresql\.auto\.conf\.source \/data\/new\/postgresql\.auto\.conf/);
  });
});

describe('the sheet', () => {
  test('names what is lost, what differs, and what keeps the server from starting', () => {
    const text = renderHandOver('shop', {
      ...bare,
      leftOut: { from: '0/5000000', to: '0/7000000', lastCommitAt: '2026-11-22T02:05:00Z' },
      settings: {
        ...bare.settings,
        compared: [
          { name: 'port', source: '5432', now: '5433' },
          { name: 'wal_level', source: 'replica', now: 'replica' },
        ],
        problems: ['It does not start before you act.'],
      },
      nextSteps: stepsOf({}),
    });
    expect(text).toContain('The last commit that it holds was made at 2026-11-22T02:00:00.000Z.');
    expect(text).toContain('0/5000000 to 0/7000000, with commits up to 2026-11-22T02:05:00Z');
    expect(text).toContain('| port | `5432` | `5433` |');
    expect(text).not.toContain('| wal_level |');
    expect(text).toContain('**It does not start before you act.**');
  });
});
