import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type WorkflowHandle, WorkflowUpdateFailedError } from '@temporalio/client';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { approvalNamespace } from '../../src/approvals/statement.js';
import { decide, extend } from '../../src/client/decide.js';
import { pausedSandbox } from '../../src/client/sandbox.js';
import { withCatalog } from '../../src/catalog/catalog.js';
import { type DrillResult, evidenceSchema } from '../../src/schema/evidence.js';
import type { Waiting, WorkflowProgress } from '../../src/schema/progress.js';
import { leftovers } from '../support/leftovers.js';
import { configure } from '../support/pgdrill-config.js';
import { eventually, pgdrill } from '../support/programs.js';
import { type Runbook, startRunbook } from '../support/runbook.js';
import { start, startWorker, type RunningWorker } from '../support/temporal.js';

let book: Runbook;
let worker: RunningWorker;
let catalogUrl: string;
/** Private keys, by the name of whose they are. */
const keys: Record<string, string> = {};

beforeAll(async () => {
  book = await startRunbook();
  const allowed = join(book.shop.scratch, 'allowed_signers');
  for (const name of ['ada', 'eve']) {
    keys[name] = join(book.shop.scratch, `${name}_ed25519`);
    await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', keys[name]]);
  }
  const publicKey = (await readFile(`${keys['ada']}.pub`, 'utf8')).trim();
  await writeFile(allowed, `ada namespaces="${approvalNamespace}" ${publicKey}\n`);
  const cluster = `
gates: [restore, promote]
gate_timeout: 5m
approvals:
  allowed_signers: ${allowed}
  restore: { by: [ada, grace], count: 2, seen: true }
  promote: { signed: true }`;
  book.loaded = await configure(book.shop, { cluster });
  catalogUrl = await book.catalogUrl();
  worker = await startWorker(book.temporal, book.loaded, { catalogUrl });
});

afterAll(async () => {
  await worker.stop();
  await book.close();
});

afterEach(async () => {
  expect(await leftovers(book.shop)).toEqual([]);
});

describe('an approval', { timeout: 120_000 }, () => {
  test('takes two people who have seen the evidence, then a real key', async () => {
    const handle = await start(book.temporal, book.loaded, 'drill', { cluster: 'shop' });
    const { seen } = await waitsAt(handle, 'restore');
    const answer = (name: string, input: object): Promise<string> => handle.executeUpdate(name, { args: [input] });
    const refusal = (name: string, input: object): Promise<string> => refusedBecause(answer(name, input));
    const at = { gate: 'restore', by: 'ada', seen };

    await expect(pausedSandbox(book.temporal, handle.workflowId)).rejects.toThrow('no restored server that waits now');
    expect(await refusal('approve', { gate: 'moon', by: 'ada' })).toMatch(/not understood: gate: .*It looks like \{/);
    expect(await refusal('approve', { ...at, sen: 'x' })).toMatch(
      /"sen"\. Did you mean "seen"\? \(there are: gate, by, reason, seen/,
    );
    expect(await refusal('approve', { ...at, gate: 'promote' })).toMatch(
      /promote does not wait now; gate restore does/,
    );
    expect(await refusal('approve', { ...at, by: 'eve' })).toBe(
      'eve may not answer at gate restore: only ada, grace may.',
    );
    expect(await refusal('approve', { gate: 'restore', by: 'ada' })).toContain(`"seen": "${seen}"`);
    expect(await refusal('approve', { ...at, seen: 'older' })).toMatch(/evidence has changed/);
    expect(await answer('approve', at)).toBe('Gate restore: approved by ada; 1 more to come.');
    expect(await refusal('approve', { ...at, by: 'Ada' })).toMatch(/Ada has approved gate restore already/);
    expect(await refusal('extend', { ...at, seen: undefined, for: '31d' })).toMatch(/30 days at most/);
    const until = (await waitsAt(handle, 'restore')).until;
    const extended = await extend(book.temporal, handle.workflowId, { by: 'grace', reason: 'at lunch', for: '1h' });
    const later = (await waitsAt(handle, 'restore')).until;
    expect(Date.parse(later) - Date.parse(until)).toBe(3_600_000);
    expect(extended.answer).toBe(`Gate restore waits until ${later}.`);
    // A signal cannot be answered: what is refused of it is shown.
    await handle.signal('approve', { ...at, by: 'eve' });
    expect((await waitsAt(handle, 'restore')).refused).toMatch(/^eve may not answer/);
    expect(await answer('approve', { ...at, by: 'grace', reason: 'go' })).toBe(
      'Gate restore: approved by ada and grace.',
    );
    expect(await refusal('reject', at)).toMatch(/first decision stands/);

    const promote = await waitsAt(handle, 'promote');
    const look = (sql: string) =>
      pgdrill(['psql', handle.workflowId, '--', '-At', '-c', sql], {
        env: { ...book.env, PGDRILL_CONFIG: book.loaded.path },
      });
    expect(await look('select count(*) from orders')).toMatchObject({ exitCode: 0, stdout: '1000' });
    expect(await look('delete from orders')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('read-only transaction') as string,
    });
    expect(promote.seen).not.toBe(seen);
    const by = (name: string, key?: string) =>
      decide(book.temporal, handle.workflowId, 'approve', { by: name, reason: 'ok', sign: key });
    const sentence = { what: expect.any(String) as string };
    await expect(by('ada')).rejects.toMatchObject({
      explanation: sentence,
      message: expect.stringMatching(/name the evidence/) as string,
    });
    const unsigned = answer('approve', { gate: 'promote', by: 'ada', seen: promote.seen });
    expect(await refusedBecause(unsigned)).toMatch(/signed approvals only/);
    await expect(by('ada', keys['eve'])).rejects.toThrow('The signature is not one that ada may approve this with');
    await expect(by('eve', keys['eve'])).rejects.toThrow('The signature is not one that eve may approve this with');
    await expect(by('ada', join(book.shop.scratch, 'none'))).rejects.toThrow('cannot sign');
    expect((await by('ada', keys['ada'])).answer).toBe('Gate promote: approved by ada.');

    const result = (await handle.result()) as DrillResult;
    expect(result.verdict).toBe('passed');
    const { approvals } = evidenceSchema.parse(JSON.parse(await readFile(result.evidencePath!, 'utf8')));
    expect(approvals).toMatchObject([
      { gate: 'restore', by: 'ada and grace', reason: 'grace: go', seen },
      {
        gate: 'promote',
        by: 'ada',
        seen: promote.seen,
        answers: [{ did: 'approved', key: expect.stringMatching(/^SHA256:/) as string }],
      },
    ]);
    expect(approvals[0]?.answers?.map(({ did, by: who }) => `${who} ${did}`)).toEqual([
      'ada approved',
      'grace extended',
      'grace approved',
    ]);
    await expect(by('ada')).rejects.toThrow('has ended');
  });

  test('that nobody gives is asked for again, told as critical, and over when the time is', async () => {
    const restore = 'approvals: { restore: { count: 2, remind: [300ms, 1h], escalate: 600ms } }';
    const loaded = await configure(book.shop, { cluster: `gates: [restore]\n${restore}` });
    const other = await startWorker(book.temporal, loaded, { catalogUrl });
    try {
      const handle = await start(book.temporal, loaded, 'drill', { cluster: 'shop', gateTimeout: '2s' });
      await waitsAt(handle, 'restore');
      await handle.signal('approve', { gate: 'restore', by: 'ada' });
      const { reasons, approvals } = (await handle.result()) as DrillResult;
      expect(reasons).toEqual([
        expect.stringMatching(/^Too few approved at gate restore in time: only ada approved until/),
      ]);
      expect(approvals).toMatchObject([
        { decision: 'expired', reason: expect.stringMatching(/^only ada approved until/) as string },
      ]);
      const told = await withCatalog(catalogUrl, (client) =>
        client.query<{ kind: string; severity: string; message: string }>(
          `select kind, severity, message from pgdrill.monitoring_events where kind like 'gate%' order by at`,
        ),
      );
      expect(told.rows.map(({ kind, severity }) => [kind, severity])).toEqual([
        ['gate_reminder', 'warning'],
        ['gate_escalated', 'critical'],
      ]);
      expect(told.rows[0]?.message).toContain(`pgdrill approve ${handle.workflowId}`);
    } finally {
      await other.stop();
    }
  });
});

async function waitsAt(handle: WorkflowHandle, gate: string): Promise<Waiting> {
  return await eventually(`${handle.workflowId} to wait at ${gate}`, async () => {
    const { waiting } = await handle.query<WorkflowProgress>('progress');
    return waiting?.gate === gate ? waiting : undefined;
  });
}

async function refusedBecause(update: Promise<string>): Promise<string> {
  const error: unknown = await update.catch((caught: unknown) => caught);
  if (!(error instanceof WorkflowUpdateFailedError)) throw new Error(`it was not refused: ${String(error)}`);
  return error.cause?.message ?? '';
}
