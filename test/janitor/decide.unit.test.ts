import { describe, expect, it } from 'vitest';

import { decide, type Facts, unknownAgeMs } from '../../src/janitor/decide.js';
import type { Entry } from '../../src/registry/entry.js';

const now = new Date('2026-11-24T12:00:00Z');
const before = (ms: number): string => new Date(now.getTime() - ms).toISOString();

const entry: Entry = {
  formatVersion: 1,
  kind: 'staged',
  path: '/repository/backups/x.partial-1',
  owner: { namespace: 'default', workflowId: 'drill-shop', runId: 'r' },
  operation: 'drill-shop/r/1-takeBaseBackup',
  attempt: 1,
  host: 'here',
  createdAt: before(60 * 60_000),
};
const over: Facts = {
  owner: { state: 'closed', closedAt: before(10 * 60_000) },
  inUse: false,
  namespace: 'default',
  host: 'here',
  goneHosts: [],
  now,
  graceMs: 60_000,
};

describe('what a run left', () => {
  it('goes once the run is over', () => {
    expect(decide(entry, over)).toMatchObject({ remove: true });
  });

  it.each<[string, Partial<Facts>, RegExp]>([
    ['its run goes on', { owner: { state: 'running' } }, /not over/],
    ['a worker still works for it', { inUse: true }, /a worker still works/],
    ['its run ended a moment ago', { owner: { state: 'closed', closedAt: before(59_000) } }, /ended only 59 s ago/],
    ['the clock jumped back since its run ended', { owner: { state: 'closed', closedAt: before(-5_000) } }, /only 0 s/],
    ['it is of another host', { host: 'elsewhere' }, /made on host here.*--gone-host here/],
    ['it is of another namespace', { namespace: 'other' }, /namespace default/],
    ['Temporal does not know its run, and it is young', { owner: { state: 'unknown' } }, /it is not old/],
  ])('stays where %s', (_, facts, why) => {
    const decision = decide(entry, { ...over, ...facts });
    expect(decision.remove).toBe(false);
    expect(decision.why).toMatch(why);
  });

  it('goes where Temporal does not know its run and it is old', () => {
    const facts: Facts = { ...over, owner: { state: 'unknown' } };
    expect(decide({ ...entry, createdAt: before(unknownAgeMs - 1) }, facts).remove).toBe(false);
    expect(decide({ ...entry, createdAt: before(unknownAgeMs) }, facts).remove).toBe(true);
  });

  it('goes where its host is said to be gone for good, but only if its run is over', () => {
    const elsewhere = { ...over, host: 'elsewhere', goneHosts: ['here'] };
    expect(decide(entry, elsewhere).remove).toBe(true);
    expect(decide(entry, { ...elsewhere, owner: { state: 'running' } }).remove).toBe(false);
  });
});
