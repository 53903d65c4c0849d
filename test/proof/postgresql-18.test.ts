import { afterAll, beforeAll, expect, it } from 'vitest';

import { standaloneContext } from '../../src/process/step-context.js';
import { captureSource } from '../../src/proof/capture.js';
import { validateRestore } from '../../src/proof/validate.js';
import { judge } from '../../src/proof/verdict.js';
import { planRestore } from '../../src/restore/plan.js';
import { removeSandbox } from '../../src/restore/sandbox.js';
import { restoreTo } from '../restore/restore-support.js';
import { testTools } from '../support/cluster.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';

let shop: ProtectedCluster;

beforeAll(async () => {
  shop = await protectCluster({ major: 18 });
  await shop.sql(
    'create table orders (id int primary key, note text); insert into orders select generate_series(1, 5000)',
  );
  await shop.backup('full');
  await shop.sql(`update orders set note = 'changed' where id < 500`);
  await shop.backup('incremental');
  await shop.sql('insert into orders select generate_series(5001, 6000)');
});
afterAll(async () => shop.remove());

it('a chain of PostgreSQL 18 restores, and every check passes', async () => {
  const capture = await captureSource(
    shop.tools,
    { ...shop.patient, repository: shop.repository, connections: 2, snapshotTimeoutMs: 60_000, drillId: 'drill-18' },
    standaloneContext('capture-18'),
  );
  const { sandbox } = await restoreTo(shop, 'fence', { fence: capture.fence });
  try {
    const { checks } = await validateRestore(
      shop.tools,
      { repository: shop.repository, sandbox, role: 'pgdrill', capture, connections: 2 },
      standaloneContext('validate-18'),
    );
    expect(judge(checks)).toMatchObject({ verdict: 'passed' });
    expect(checks.find(({ name }) => name === 'content')?.figures).toMatchObject({ rows: 6000, differing: 0 });
  } finally {
    await removeSandbox(shop.tools, sandbox);
  }
});

it('is not planned with the programs of another major version, which see no WAL in its archive', async () => {
  const planning = planRestore(await testTools(17), {
    repository: shop.repository,
    walDirectory: shop.patient.walDirectory,
    target: { kind: 'latest' },
    fence: undefined,
    signal: new AbortController().signal,
  });
  await expect(planning).rejects.toThrow(/is of PostgreSQL 18\.\d+, the programs in .* are of 17/);
});
