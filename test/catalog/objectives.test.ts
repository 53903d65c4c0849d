import { readFile } from 'node:fs/promises';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { mirrorObjectives, recordRecovery } from '../../src/catalog/catalog.js';
import type { Connection } from '../../src/postgres/connection.js';
import type { Evidence } from '../../src/schema/evidence.js';
import type { Check } from '../../src/schema/results.js';
import { evidence } from './fixtures.js';
import { startCatalog } from './start-catalog.js';

let catalog: Awaited<ReturnType<typeof startCatalog>>;
let client: Connection;

beforeAll(async () => {
  catalog = await startCatalog();
  ({ client } = catalog);
});
afterAll(() => catalog.remove());
beforeEach(async () => {
  await client.query('truncate pgdrill.recovery_history, pgdrill.cluster_objectives');
});

const minutesAgo = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();
const drill = (run: string, minutes: number, changes: Partial<Evidence> = {}): Promise<void> =>
  recordRecovery(
    client,
    evidence(run, { startedAt: minutesAgo(minutes + 5), finishedAt: minutesAgo(minutes), ...changes }),
  );
const clock = (rtoSeconds: number): Partial<Evidence> => ({
  clock: { phases: [], rtoSeconds, waitedForHumansSeconds: 0 },
});
const demand = (objectives: Parameters<typeof mirrorObjectives>[1]['objectives'], name = 'shop'): Promise<void> =>
  mirrorObjectives(client, { name, objectives });
const all = {
  rto: '15m',
  rtoSeconds: 900,
  rpo: '1m',
  rpoSeconds: 60,
  provenWithin: '7d',
  provenWithinSeconds: 604_800,
};

async function statuses(): Promise<Record<string, [string, number | null]>> {
  const { rows } = await client.query<{ objective: string; status: string; actual: number | null }>(
    `select objective, status, actual_seconds::float8 as actual from pgdrill.v_objectives order by objective`,
  );
  return Object.fromEntries(rows.map(({ objective, status, actual }) => [objective, [status, actual]]));
}

describe('v_objectives', () => {
  it('judges the newest drill that did not fail, and the age of the last proof', async () => {
    await demand(all);
    await drill('a', 600, clock(2_000));
    await drill('b', 90, clock(100));
    await drill('c', 30, { ...clock(1), verdict: 'failed' });
    const { rto, rpo, proven_within } = await statuses();
    expect(rto).toEqual(['met', 100]);
    expect(rpo).toEqual(['met', 1.5]);
    expect(proven_within?.[0]).toBe('met');
    expect(proven_within?.[1]).toBeGreaterThanOrEqual(90 * 60 - 1);
    expect(proven_within?.[1]).toBeLessThan(90 * 60 + 60);
  });

  it('is missed beyond the limit, and where nothing was ever proven; unknown where nothing was measured', async () => {
    await demand({ ...all, rtoSeconds: 99.5, provenWithinSeconds: 3_600 });
    expect(await statuses()).toEqual({
      rto: ['unknown', null],
      rpo: ['unknown', null],
      proven_within: ['missed', null],
    });
    await drill('a', 90, clock(100));
    const { rto, proven_within } = await statuses();
    expect([rto?.[0], proven_within?.[0]]).toEqual(['missed', 'missed']);
  });

  it('holds the RPO against the worst that is known', async () => {
    await demand(all);
    const { rpo } = evidence('a');
    const window = { since: minutesAgo(60), until: minutesAgo(5), segments: 4 };
    await drill('a', 5, { rpo: { ...rpo!, worst: { ...window, seconds: 61 } } });
    expect((await statuses())['rpo']).toEqual(['missed', 61]);
    await drill('b', 4, { rpo: { ...rpo!, worst: { ...window, unknown: 'a stream' } } });
    expect((await statuses())['rpo']).toEqual(['met', 1.5]);
  });

  it('follows what is demanded, and each cluster has its own', async () => {
    await demand(all);
    await demand({ rto: '1h', rtoSeconds: 3_600 });
    await demand(all, 'bank');
    const { rows } = await client.query(
      `select cluster, objective, demanded from pgdrill.v_objectives order by cluster, objective`,
    );
    expect(rows).toEqual([
      { cluster: 'bank', objective: 'proven_within', demanded: '7d' },
      { cluster: 'bank', objective: 'rpo', demanded: '1m' },
      { cluster: 'bank', objective: 'rto', demanded: '15m' },
      { cluster: 'shop', objective: 'rto', demanded: '1h' },
    ]);
  });
});

describe('v_last_proven', () => {
  const read = async (): Promise<unknown> =>
    (
      await client.query(
        `select cluster, proven_by_run_id, proven_lsn, drills_since::int, last_verdict from pgdrill.v_last_proven`,
      )
    ).rows;

  it('is the newest drill that passed, and what came after it', async () => {
    await drill('a', 300);
    await drill('b', 200);
    await drill('c', 100, { verdict: 'failed' });
    await drill('d', 50, { verdict: 'unproven' });
    await drill('e', 10, { kind: 'recovery' });
    expect(await read()).toEqual([
      { cluster: 'shop', proven_by_run_id: 'b', proven_lsn: '0/5000060', drills_since: 2, last_verdict: 'unproven' },
    ]);
  });

  it('is proven up to where content was compared, not to where replay went on to', async () => {
    const content: Check = { name: 'content', status: 'passed', summary: '', figures: {}, problems: [], seconds: 1 };
    const lsn = '0/4000000';
    const fence = {
      ...{ lsn, timeline: 1, restorePoint: 'p', restorePointLsn: lsn, takenAt: minutesAgo(90), tries: 1 },
      ...{ snapshots: [], commitsSeen: 0, commitsUnseen: 0 },
    };
    await drill('a', 10, { fence, fenceOf: 'drill-1', checks: [{ ...content, at: lsn }] });
    expect(await read()).toMatchObject([{ proven_by_run_id: 'a', proven_lsn: lsn }]);
    const { rows } = await client.query(`select target_lsn, compared_lsn from pgdrill.recovery_history`);
    expect(rows).toEqual([{ target_lsn: '0/5000060', compared_lsn: lsn }]);
  });

  it('has a row without a proof where none has passed', async () => {
    await drill('a', 100, { verdict: 'failed' });
    expect(await read()).toEqual([
      { cluster: 'shop', proven_by_run_id: null, proven_lsn: null, drills_since: 0, last_verdict: 'failed' },
    ]);
  });
});

it('v_rto_rpo_monitoring: 95 % by interpolation, per kind of target', async () => {
  for (const [index, rto] of [10, 20, 30, 40, 110].entries()) await drill(`r${index}`, 10 + index, clock(rto));
  await drill('other', 5, { ...clock(7), target: { requested: 'latest', settings: {}, timeline: 1 } });
  const { rows } = await client.query(
    `select recovery_type, avg_rto_seconds::float8 as avg, min_rto_seconds::float8 as min, max_rto_seconds::float8 as max,
            round(p95_rto_seconds::numeric, 3)::float8 as p95 from pgdrill.v_rto_rpo_monitoring order by recovery_type`,
  );
  expect(rows).toEqual([
    { recovery_type: 'fence', avg: 42, min: 10, max: 110, p95: 96 },
    { recovery_type: 'latest', avg: 7, min: 7, max: 7, p95: 7 },
  ]);
});

it('docs/catalog.md has every table, view and column, with its type, and no other', async () => {
  const { rows } = await client.query<{ relation: string; column: string; type: string }>(
    `select relname as relation, attname as column,
            replace(format_type(atttypid, atttypmod), 'timestamp with time zone', 'timestamptz') as type
     from pg_attribute join pg_class on pg_class.oid = attrelid
     where relnamespace = 'pgdrill'::regnamespace and relkind in ('r', 'v') and attnum > 0 and not attisdropped
       and relname <> 'schema_migrations'
     order by relname, attnum`,
  );
  const documented = (await readFile('docs/catalog.md', 'utf8')).split(/^## /m).flatMap((section) => {
    const relation = /^`(\w+)`/.exec(section)?.[1];
    return relation === undefined
      ? []
      : [...section.matchAll(/^\| `(\w+)` +\| `([\w ]+)` +\|/gm)].map(([, column, type]) => ({
          relation,
          column,
          type,
        }));
  });
  const order = (a: { relation: string }, b: { relation: string }): number =>
    a.relation < b.relation ? -1 : a.relation > b.relation ? 1 : 0;
  expect(documented.toSorted(order)).toEqual(rows.toSorted(order));
});
