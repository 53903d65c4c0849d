import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { ApplicationFailure } from '@temporalio/activity';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { withCatalog } from '../../src/catalog/catalog.js';
import type { LoadedConfiguration } from '../../src/configuration/load.js';
import {
  type VerificationResult,
  verificationResultSchema,
  verificationSchema,
} from '../../src/schema/verification.js';
import { startTestCluster, type TestCluster } from '../support/cluster.js';
import { leftovers } from '../support/leftovers.js';
import { configure } from '../support/pgdrill-config.js';
import { type CommandResult, pgdrill } from '../support/programs.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { start, startTestTemporal, type TestTemporal, withWorker } from '../support/temporal.js';

let temporal: TestTemporal;
let shop: ProtectedCluster;
let catalog: TestCluster;
let catalogUrl: string;
let loaded: LoadedConfiguration;
let env: Record<string, string>;

beforeAll(async () => {
  temporal = await startTestTemporal();
  shop = await protectCluster();
  catalog = await startTestCluster(shop.scratch, { name: 'catalog' });
  catalogUrl = `postgresql:///postgres?host=${encodeURIComponent(catalog.directory)}&port=5432&user=postgres`;
  loaded = await configure(shop, { catalogUrl });
  env = { ...temporal.env, PGDRILL_CONFIG: loaded.path };
  await shop.sql('create table orders (id int); insert into orders select generate_series(1, 100)');
  await withWorker(temporal, loaded, { catalogUrl }, async () => {
    await (await start(temporal, loaded, 'drill', { cluster: 'shop', backup: 'full' })).result();
  });
  const full = () => Promise.reject(ApplicationFailure.nonRetryable('The disk is full.', 'DiskFullError'));
  await withWorker(temporal, loaded, { catalogUrl, wrap: () => ({ takeBaseBackup: full }) }, async () => {
    const failed = await start(temporal, loaded, 'backup', { cluster: 'shop' });
    await expect(failed.result()).rejects.toThrow();
  });
  for (let segment = 0; segment < 3; segment++) await shop.archive();
});

afterAll(async () => {
  await catalog.remove();
  await shop.remove();
  await temporal.stop();
});

async function verify(id: string): Promise<[CommandResult, VerificationResult]> {
  const command = await withWorker(temporal, loaded, { catalogUrl }, () =>
    pgdrill(['repo', 'verify', 'shop', '--id', id, '--json'], { env }),
  );
  const result = JSON.parse(command.stdout) as VerificationResult;
  expect(result).toMatchObject(verificationResultSchema.parse(result));
  return [command, result];
}

/** All rows of a table but what says when and in which order they were written. */
async function rows(table: string): Promise<Record<string, unknown>[]> {
  return await withCatalog(catalogUrl, async (client) => {
    const { rows: found } = await client.query<{ row: Record<string, unknown> }>(
      `select to_jsonb(t) - 'id' - 'created_at' as row from pgdrill.${table} t order by (to_jsonb(t) - 'id' - 'created_at')::text`,
    );
    return found.map(({ row }) => row);
  });
}

const tables = ['backup_history', 'recovery_history', 'monitoring_events'];
const everything = async (): Promise<Record<string, unknown>[][]> => await Promise.all(tables.map(rows));

test('a verification tells what it found, and fails for what nobody has acknowledged', async () => {
  const [whole, clean] = await verify('whole');
  expect(whole.exitCode, whole.stderr).toBe(0);
  expect(clean).toMatchObject({ verdict: 'passed', findings: [], verified: { backups: 1, evidence: 1 }, warnings: [] });
  const report = verificationSchema.parse(JSON.parse(await readFile(clean.reportPath, 'utf8')));
  expect(report).toMatchObject({ cluster: 'shop', workflowId: 'whole', verdict: 'passed' });

  const segments = (await readdir(shop.patient.walDirectory)).filter((name) => /^[0-9A-F]{24}$/.test(name)).sort();
  const gone = segments.at(-2)!;
  await rm(join(shop.patient.walDirectory, gone));
  const [damaged, found] = await verify('damaged');
  expect(damaged.exitCode).toBe(1);
  expect(found.findings).toMatchObject([{ id: `wal-gap/${gone}`, level: 'error' }]);

  const without = await pgdrill(['repo', 'acknowledge', 'shop', `wal-gap/${gone}`], { env });
  expect([without.exitCode, without.stderr]).toEqual([64, expect.stringContaining('needs a reason')]);
  const unknown = await pgdrill(['repo', 'acknowledge', 'shop', 'wal-gap/1', '--reason', 'x'], { env });
  expect([unknown.exitCode, unknown.stderr]).toEqual([64, expect.stringContaining(`wal-gap/${gone}`)]);
  const accepted = await pgdrill(
    ['repo', 'acknowledge', 'shop', `wal-gap/${gone}`, '--by', 'ada', '--reason', 'disk lost', '--json'],
    { env },
  );
  expect([accepted.exitCode, JSON.parse(accepted.stdout)]).toMatchObject([0, { by: 'ada', reason: 'disk lost' }]);
  const [known, shown] = await verify('known');
  expect(known.exitCode, known.stderr).toBe(0);
  expect(shown).toMatchObject({ verdict: 'passed', findings: [{ acknowledged: { by: 'ada', reason: 'disk lost' } }] });
  expect(await leftovers(shop)).toEqual([]);
});

test('the catalog is rebuilt from the repository as it was, and a second time changes nothing', async () => {
  const before = await everything();
  expect(before.map(({ length }) => length)).toEqual([2, 1, 6]);
  expect(before[2]!.map(({ kind }) => kind).sort()).toEqual([
    ...['backup_completed', 'backup_failed', 'drill_passed'],
    ...['repository_findings', 'repository_verified', 'repository_verified'],
  ]);
  await withCatalog(catalogUrl, (client) => client.query('drop schema pgdrill cascade'));

  const rebuild = await pgdrill(['catalog', 'rebuild', '--json'], { env });
  expect(rebuild.exitCode, rebuild.stderr).toBe(0);
  expect(JSON.parse(rebuild.stdout)).toEqual([
    {
      ...{ cluster: 'shop', backups: 1, failedBackups: 1, recoveries: 1, sabotageDrills: 0, verifications: 3 },
      unreadable: [],
    },
  ]);
  expect(await everything()).toEqual(before);

  // Beside rows that are there: nothing twice, and what differs is mended, also the key by which an earlier pgdrill told of a drill.
  await withCatalog(catalogUrl, async (client) => {
    await client.query(`update pgdrill.backup_history set backup_size_bytes = 1 where status = 'completed'`);
    await client.query(
      `update pgdrill.monitoring_events set operation = replace(operation, '/ended', '/9-recordObjectives'), message = '' where kind = 'drill_passed'`,
    );
  });
  expect((await pgdrill(['catalog', 'rebuild', 'shop'], { env })).exitCode).toBe(0);
  expect(await everything()).toEqual(before);
});
