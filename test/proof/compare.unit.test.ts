import { describe, expect, it } from 'vitest';

import { compareFingerprints } from '../../src/proof/compare.js';
import { listNotCompared } from '../../src/proof/content/coverage.js';
import type {
  ClusterFingerprint,
  DatabaseFingerprint,
  RelationFingerprint,
  SequenceState,
} from '../../src/proof/fingerprint-schema.js';
import type { Check } from '../../src/schema/results.js';

function table(name: string, changes: Partial<RelationFingerprint> = {}): RelationFingerprint {
  return {
    schema: 'public',
    name,
    kind: 'table',
    rows: '100',
    hash: '42',
    sizeBytes: 8192,
    method: 'record',
    ...changes,
  };
}

function cluster(
  changes: Partial<DatabaseFingerprint> = {},
  globals: Partial<ClusterFingerprint> = {},
): ClusterFingerprint {
  const database: DatabaseFingerprint = {
    database: 'shop',
    relations: [table('a'), table('b')],
    sequences: { lsn: '0/5000000', states: [], unreadable: [] },
    unlogged: [],
    schemaSql: 'create table a;\ncreate table b;',
    notCompared: [],
    ...changes,
  };
  return {
    formatVersion: 1,
    takenAt: '2026-11-22T00:00:00.000Z',
    databases: [database],
    globalsSql: 'create role r;',
    ...globals,
  };
}

function find(name: string, source: ClusterFingerprint, restored: ClusterFingerprint, cutLsn?: string): Check {
  const checks = compareFingerprints(source, restored, cutLsn === undefined ? {} : { cutLsn });
  return checks.find((each) => each.name === name)!;
}

describe('the check content', () => {
  it('passes for equal tables, with figures', () => {
    const check = find('content', cluster(), cluster());
    expect(check).toMatchObject({ status: 'passed', figures: { tables: 2, rows: 200, bytes: 16384, differing: 0 } });
  });

  it('passes, saying so, where there is nothing to compare', () => {
    const nothing = cluster({ relations: [] });
    expect(find('content', nothing, nothing)).toMatchObject({
      status: 'passed',
      summary: 'There are no tables: there was nothing to compare.',
    });
  });

  it.each([
    ['failed', { rows: '100' }, { rows: '99' }, 'rows 100 -> 99'],
    ['failed', {}, { hash: '43' }, 'same row count (100), different content'],
    ['failed', {}, { method: 'text' }, 'same row count, different types of columns'],
    ['unproven', { changed: 'truncated' }, { rows: '99' }, 'truncated'],
    ['unproven', { unreadable: { code: '42501', message: 'no' } }, {}, 'cannot be read on the source: no'],
    ['unproven', {}, { unreadable: { code: '55P03', message: 'locked' } }, 'cannot be read when restored: locked'],
    [
      'failed',
      {},
      { unreadable: { code: 'XX001', message: 'invalid page' } },
      'cannot be read when restored: invalid page',
    ],
  ] as const)('is %s for %j against %j', (status, source, restored, detail) => {
    const check = find(
      'content',
      cluster({ relations: [table('a', source)] }),
      cluster({ relations: [table('a', restored)] }),
    );
    expect(check.status).toBe(status);
    expect(check.problems).toHaveLength(1);
    expect(check.problems[0]).toMatchObject({ object: 'shop.public.a' });
    expect(check.problems[0]!.detail).toContain(detail);
  });

  it('fails for a missing table even if it changed on the source, for an extra one, and for a missing database', () => {
    const missing = find(
      'content',
      cluster({ relations: [table('a', { changed: 'dropped' })] }),
      cluster({ relations: [] }),
    );
    expect(missing).toMatchObject({ status: 'failed', problems: [{ object: 'shop.public.a', detail: 'is missing' }] });
    const extra = find('content', cluster({ relations: [] }), cluster({ relations: [table('a')] }));
    expect(extra).toMatchObject({ status: 'failed', problems: [{ object: 'shop.public.a' }] });
    const gone = find('content', cluster(), { ...cluster(), databases: [] });
    expect(gone).toMatchObject({ status: 'failed', problems: [{ object: 'shop', detail: 'the database is missing' }] });
  });

  it('does not let an unproven table hide a failed one', () => {
    const source = cluster({ relations: [table('a', { changed: 'truncated' }), table('b')] });
    const restored = cluster({ relations: [table('a'), table('b', { hash: '0' })] });
    expect(find('content', source, restored)).toMatchObject({
      status: 'failed',
      figures: { differing: 1, unproven: 1 },
    });
  });
});

describe('the check unlogged', () => {
  const name = { schema: 'public', name: 'u' };
  it.each([
    ['passed', [{ ...name, empty: true }]],
    ['failed', [{ ...name, empty: false }]],
    ['failed', [{ ...name, unreadable: 'could not open file' }]],
    ['failed', []],
  ] as const)('is %s for %j', (status, restored) => {
    const check = find('unlogged', cluster({ unlogged: [name] }), cluster({ unlogged: [...restored] }));
    expect(check.status).toBe(status);
  });
});

describe('the check sequences', () => {
  const state = (lastValue: string): SequenceState => ({
    ...{
      schema: 'public',
      name: 's',
      isCalled: true,
      increment: '1',
      cache: '1',
      cycle: false,
      min: '1',
      max: '99999',
    },
    lastValue,
    filenode: '1',
  });
  const reading = (...values: string[]): DatabaseFingerprint['sequences'] => ({
    lsn: '0/5000000',
    states: values.map(state),
    unreadable: [],
  });
  const source = cluster({ sequences: reading('100'), sequencesAfter: reading('110') });

  it.each([
    ['passed', reading('120')],
    ['failed', reading('90')],
    ['failed', reading()],
    ['unproven', { ...reading(), unreadable: [{ schema: 'public', name: 's', message: 'no' }] }],
  ] as const)('is %s', (status, sequences) => {
    expect(find('sequences', source, cluster({ sequences: structuredClone(sequences) as never })).status).toBe(status);
  });

  it('does not fail a sequence that is behind a reading made after the cut', () => {
    const behind = cluster({ sequences: reading('90') });
    expect(find('sequences', source, behind, '0/4FFFFFF').status).toBe('unproven');
    expect(find('sequences', source, behind, '0/5000000').status).toBe('failed');
  });

  it('is unproven for one that came or went during the fence, or that the role may not see', () => {
    const none = reading();
    expect(find('sequences', cluster({ sequences: none, sequencesAfter: reading('1') }), source).status).toBe(
      'unproven',
    );
    expect(find('sequences', cluster({ sequences: reading('1'), sequencesAfter: none }), source).status).toBe(
      'unproven',
    );
    const hidden = { ...none, unreadable: [{ schema: 'public', name: 's', message: 'no' }] };
    expect(find('sequences', cluster({ sequences: hidden }), source).status).toBe('unproven');
  });
});

describe('the checks schema and globals', () => {
  it('name the database and the first differing line', () => {
    const check = find('schema', cluster(), cluster({ schemaSql: 'create table a;\ncreate table c;' }));
    expect(check).toMatchObject({
      status: 'failed',
      problems: [
        { object: 'shop', detail: 'only on the source: "create table b;"; only when restored: "create table c;"' },
      ],
    });
    expect(find('schema', cluster(), cluster()).status).toBe('passed');
  });

  it('judge no globals that changed during the fence', () => {
    const restored = cluster();
    expect(find('globals', cluster({}, { globalsSqlAfter: 'create role r;' }), restored).status).toBe('passed');
    expect(find('globals', cluster({}, { globalsSqlAfter: 'create role s;' }), restored).status).toBe('unproven');
    expect(find('globals', cluster({}, { globalsSql: 'create role s;' }), restored).status).toBe('failed');
  });
});

it('lists what was not compared with its database', () => {
  expect(listNotCompared(cluster({ notCompared: ['public.f: a foreign table'] }))).toEqual([
    'shop.public.f: a foreign table',
  ]);
});
