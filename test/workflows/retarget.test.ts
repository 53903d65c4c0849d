import { readFile } from 'node:fs/promises';

import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { decide, retarget } from '../../src/client/decide.js';
import { pausedSandbox } from '../../src/client/sandbox.js';
import { withConnection } from '../../src/postgres/connection.js';
import { renderDrillPage } from '../../src/report/html/drill-page.js';
import { type DrillResult, evidenceSchema } from '../../src/schema/evidence.js';
import type { Waiting, WorkflowProgress } from '../../src/schema/progress.js';
import { leftovers } from '../support/leftovers.js';
import { eventually } from '../support/programs.js';
import { type Runbook, startRunbook } from '../support/runbook.js';

let book: Runbook;

beforeAll(async () => {
  book = await startRunbook({ cluster: 'gates: [promote]\napprovals: { promote: { count: 2 } }', worker: true });
});

afterAll(() => book.close());

afterEach(async () => {
  expect(await leftovers(book.shop)).toEqual([]);
});

test('a paused server goes on to a later target, and never back', { timeout: 120_000 }, async () => {
  const first = await insertUpTo(1_010);
  const second = await insertUpTo(1_020);
  await book.shop.archive();
  const handle = await book.start('drill', { cluster: 'shop', target: `lsn=${second.before}` });
  const shown = await waitsAtPromote(handle);
  expect(await rows(handle)).toBe(1_010);
  const go = (target: string) => retarget(book.temporal, handle.workflowId, { by: 'ada', reason: 'further', target });

  await expect(go(`lsn=${first.before}`)).rejects.toThrow(
    /before .*, where the restored server stands.*needs a new restore/s,
  );
  await expect(go('fence')).rejects.toThrow(/not understood: target: the fence/);
  await expect(go('yesterday')).rejects.toThrow(/not understood: target: /);
  await expect(go('time=2999-01-01 00:00:00+00')).rejects.toThrow(/lies in the future/);
  expect((await waitsAtPromote(handle)).seen).toBe(shown.seen); // nothing has changed
  expect(await rows(handle)).toBe(1_010);

  const bystander = { by: 'linus', reason: 'here it is right', seen: shown.seen };
  await decide(book.temporal, handle.workflowId, 'approve', bystander);
  expect((await go('latest')).answer).toMatch(/^Replay goes on to latest \(/);
  const then = await eventually('the gate to ask again', async () => {
    const { waiting } = await handle.query<WorkflowProgress>('progress');
    return waiting !== undefined && waiting.seen !== shown.seen ? waiting : undefined;
  });
  expect(await rows(handle)).toBe(1_020);
  const approve = (seen: string | undefined) =>
    decide(book.temporal, handle.workflowId, 'approve', { by: 'grace', reason: 'there', seen });
  await expect(approve(shown.seen)).rejects.toThrow('The evidence has changed');
  await approve(then.seen);
  expect(await handle.query<WorkflowProgress>('progress')).toMatchObject({ waiting: { approvedBy: ['grace'] } });
  await decide(book.temporal, handle.workflowId, 'approve', { by: 'linus', reason: 'here, too', seen: then.seen });

  const result = (await handle.result()) as DrillResult;
  expect(result.verdict).toBe('unproven'); // nothing is known of the source there
  const evidence = evidenceSchema.parse(JSON.parse(await readFile(result.evidencePath!, 'utf8')));
  expect(evidence.target?.requested).toBe('latest');
  expect(evidence.rerun).toBe(`pgdrill drill shop --target 'latest'`);
  expect(evidence.clock.phases.filter(({ name }) => name === 'replay')).toHaveLength(2);
  const before = { question: shown.question, seen: shown.seen };
  expect(evidence.approvals).toEqual([
    {
      ...{ gate: 'promote', decision: 'approved', by: 'grace and linus', reason: 'grace: there; linus: here, too' },
      ...{ seen: then.seen, openedAt: shown.since, decidedAt: expect.any(String) as string },
      answers: [
        { did: 'approved', by: 'linus', reason: 'here it is right', at: expect.any(String) as string, shown: before },
        { did: 'retargeted', by: 'ada', reason: 'latest: further', at: expect.any(String) as string, shown: before },
        { did: 'approved', by: 'grace', reason: 'there', at: expect.any(String) as string },
        { did: 'approved', by: 'linus', reason: 'here, too', at: expect.any(String) as string },
      ],
    },
  ]);
  expect(await renderDrillPage(evidence)).toContain(`${shown.seen}</code>, “${shown.question}”`);
});

/** @returns where the WAL stood before. */
async function insertUpTo(last: number): Promise<{ before: string }> {
  const [row] = await book.shop.sql<{ lsn: string }>('select pg_current_wal_insert_lsn() as lsn');
  await book.shop.sql(`insert into orders select generate_series((select max(id) + 1 from orders), ${last})`);
  return { before: row!.lsn };
}

async function rows(handle: WorkflowHandle): Promise<number> {
  const conninfo = await pausedSandbox(book.temporal, handle.workflowId);
  return await withConnection(conninfo, async (client) => {
    const { rows: counted } = await client.query<{ count: string }>('select count(*) from orders');
    return Number(counted[0]?.count);
  });
}

async function waitsAtPromote(handle: WorkflowHandle): Promise<Waiting> {
  return await eventually('gate promote', async () => {
    const { waiting } = await handle.query<WorkflowProgress>('progress');
    return waiting?.gate === 'promote' ? waiting : undefined;
  });
}
