import { existsSync } from 'node:fs';
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';

import { type WorkflowHandle, WorkflowFailedError } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import type { Activities } from '../../activities/index.js';
import { decide } from '../../src/client/decide.js';
import { makePrivateDirectory } from '../../src/files/durable.js';
import { withConnection } from '../../src/postgres/connection.js';
import { launchInstance, stopInstance, waitUntilReady } from '../../src/postgres/instance.js';
import type { WorkflowProgress } from '../../src/schema/progress.js';
import type { recover } from '../../workflows/index.js';
import { leftovers, processesUnder } from '../support/leftovers.js';
import { configure } from '../support/pgdrill-config.js';
import { eventually } from '../support/programs.js';
import type { ProtectedCluster } from '../support/protected-cluster.js';
import { startRunbook, type Runbook } from '../support/runbook.js';
import { start, type TestTemporal, withWorker } from '../support/temporal.js';

type RecoverResult = Awaited<ReturnType<typeof recover>>;

let book: Runbook;
let temporal: TestTemporal;
let shop: ProtectedCluster;

beforeAll(async () => {
  book = await startRunbook();
  ({ temporal, shop } = book);
  await shop.sql('insert into orders select generate_series(1001, 1500)');
  await shop.archive();
  await shop.sql('insert into orders select generate_series(1501, 1600)');
  await shop.archive();
});

afterAll(() => book.close());

afterEach(async () => {
  expect(await leftovers(shop)).toEqual([]);
});

describe('a recovery whose replay lacks a WAL segment', { timeout: 180_000 }, () => {
  test('waits for a human who puts it back, and goes on from what was prepared', async () => {
    const lost = loseWal();
    await recovering(lost.wrap, 'mended', async (handle, into) => {
      const { waiting } = await waitsForFix(handle);
      expect(waiting!.question).toMatch(/^Step `replay` failed: Recovery ended at .* before the target latest/);
      expect(waiting!.question).toMatch(
        /To do: Bring the missing segment back.*Approve: .*tried again\. Reject: give up/,
      );
      const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
      expect(currentDetails).toContain('Waiting for a human at gate `fix`');
      expect(currentDetails).toContain('{"gate": "fix",');

      // Nothing was mended: it fails, and waits, again.
      const since = waiting!.since;
      await decide(temporal, handle.workflowId, 'approve', { by: 'eve', reason: 'let us see' });
      await waitsForFix(handle, since);
      await lost.putBack();
      await decide(temporal, handle.workflowId, 'approve', { by: 'ada', reason: 'it is back', gate: 'fix' });
      const result = (await handle.result()) as RecoverResult;
      expect(result).toMatchObject({
        outcome: 'recovered',
        approvals: [
          { gate: 'fix', decision: 'approved', by: 'eve' },
          { gate: 'fix', decision: 'approved', by: 'ada', reason: 'it is back' },
        ],
      });
      expect(lost.prepared()).toBe(1);
      expect(await ordersIn(into)).toBe(1600);
    });
  });

  test('is cleaned up when a human gives it up, and fails with what stopped it', async () => {
    const lost = loseWal();
    await recovering(lost.wrap, 'given-up', async (handle, into) => {
      await waitsForFix(handle);
      expect(existsSync(into)).toBe(true);
      await decide(temporal, handle.workflowId, 'reject', { by: 'ada', reason: 'no copy exists' });
      await expectFailure(handle, /Recovery ended at .* before the target latest/);
      expect((await readdir(shop.scratch)).filter((name) => name.startsWith('given-up'))).toEqual([]);
      expect(processesUnder(into)).toEqual([]);
      await lost.putBack();
    });
  });

  test('gives up by itself when nobody answers in time, or when it was told not to wait', async () => {
    for (const more of [{ gateTimeout: '1s' }, { fixGate: false }]) {
      const lost = loseWal();
      await recovering(
        lost.wrap,
        'nobody',
        async (handle, into) => {
          await expectFailure(handle, /Recovery ended at .* before the target latest/);
          expect(existsSync(into)).toBe(false);
          await lost.putBack();
        },
        more,
      );
    }
  });

  test('can be cancelled while it waits', async () => {
    const lost = loseWal();
    await recovering(lost.wrap, 'cancelled', async (handle, into) => {
      await waitsForFix(handle);
      await handle.cancel();
      await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
      expect((await handle.describe()).status.name).toBe('CANCELLED');
      expect(existsSync(into)).toBe(false);
      await lost.putBack();
    });
  });
});

test('nobody can answer at gate fix before it waits', { timeout: 120_000 }, async () => {
  const lost = loseWal();
  await recovering(
    lost.wrap,
    'early',
    async (handle) => {
      await handle.signal('approve', { gate: 'fix', by: 'eve' });
      await handle.signal('approve', { gate: 'restore', by: 'ada' });
      const { approvals } = await waitsForFix(handle);
      expect(approvals).toMatchObject([{ gate: 'restore' }]);
      await lost.putBack();
      await decide(temporal, handle.workflowId, 'reject', { by: 'ada', reason: '' });
      await expectFailure(handle, /Recovery ended/);
    },
    { gates: ['restore'] },
  );
});

/** After the restore was prepared (which reads all WAL through), the last archived segments are gone. */
function loseWal(): {
  wrap: (real: Activities) => Partial<Activities>;
  putBack: () => Promise<void>;
  prepared: () => number;
} {
  const lost = join(shop.scratch, 'lost');
  const { walDirectory } = shop.patient;
  let [moved, prepared]: [string[], number] = [[], 0];
  return {
    wrap: (real) => ({
      prepareRestore: async (input) => {
        const answer = await real.prepareRestore(input);
        prepared += 1;
        await makePrivateDirectory(lost);
        const segments = (await readdir(walDirectory)).filter((name) => /^[0-9A-F]{24}$/.test(name)).sort();
        moved = segments.slice(-1);
        for (const name of moved) await rename(join(walDirectory, name), join(lost, name));
        return answer;
      },
    }),
    putBack: async () => {
      for (const name of moved.splice(0)) await rename(join(lost, name), join(walDirectory, name));
    },
    prepared: () => prepared,
  };
}

async function recovering(
  wrap: (real: Activities) => Partial<Activities>,
  name: string,
  work: (handle: WorkflowHandle, into: string) => Promise<void>,
  input: object = {},
): Promise<void> {
  const loaded = await configure(shop);
  const into = join(shop.scratch, name);
  await withWorker(temporal, loaded, { wrap }, async () => {
    const handle = await start(temporal, loaded, 'recover', { cluster: 'shop', into, gates: [], ...input });
    try {
      await work(handle, into);
    } finally {
      await handle.terminate().catch(() => undefined); // a failed assertion must not leave it waiting
    }
  });
}

/** @param since when the gate opened that is not meant any more. */
async function waitsForFix(handle: WorkflowHandle, since?: string): Promise<WorkflowProgress> {
  return await eventually(`${handle.workflowId} to wait at gate fix`, async () => {
    const progress = await handle.query<WorkflowProgress>('progress');
    return progress.waiting?.gate === 'fix' && progress.waiting.since !== since ? progress : undefined;
  });
}

async function expectFailure(handle: WorkflowHandle, message: RegExp): Promise<void> {
  const failure: unknown = await handle.result().catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(WorkflowFailedError);
  expect((failure as WorkflowFailedError).cause).toMatchObject({
    type: 'RepositoryError',
    message: expect.stringMatching(message) as string,
  });
}

async function ordersIn(into: string): Promise<number> {
  const logFile = join(shop.scratch, 'recovered.log');
  const settings = { unix_socket_directories: shop.scratch, listen_addresses: '' };
  await launchInstance(shop.tools, { dataDirectory: into, logFile, settings });
  try {
    await waitUntilReady(into, { logFile, timeoutMs: 60_000 });
    return await withConnection({ ...shop.admin, host: shop.scratch }, async (client) => {
      const { rows } = await client.query<{ orders: number }>('select count(*)::int as orders from orders');
      return rows[0]!.orders;
    });
  } finally {
    await stopInstance(shop.tools, into, 'immediate');
  }
}
