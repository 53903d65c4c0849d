import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { migrate } from '../../src/catalog/migrate.js';
import { type Migration, migrations } from '../../src/catalog/migrations.js';
import { ConfigurationError } from '../../src/errors.js';
import type { Connection } from '../../src/postgres/connection.js';
import { startCatalog } from './start-catalog.js';

let catalog: Awaited<ReturnType<typeof startCatalog>>;
let client: Connection;

beforeAll(async () => {
  catalog = await startCatalog();
  ({ client } = catalog);
});
afterAll(() => catalog.remove());
beforeEach(async () => {
  await client.query('drop schema if exists pgdrill cascade');
});

const step = (version: number, sql: string): Migration => ({ version, name: `step ${version}`, sql });

async function versions(): Promise<number[]> {
  const { rows } = await client.query<{ version: number }>(
    'select version from pgdrill.schema_migrations order by version',
  );
  return rows.map(({ version }) => version);
}

describe('migrating', () => {
  it('numbers its steps from 1 without gaps', () => {
    expect(migrations.map(({ version }) => version)).toEqual(migrations.map((_, index) => index + 1));
  });

  it('makes everything in the schema pgdrill, once', async () => {
    expect(await migrate(client)).toBe(migrations.length);
    expect(await migrate(client)).toBe(0);
    const { rows } = await client.query<{ relname: string }>(
      `select relname from pg_class where relnamespace = 'pgdrill'::regnamespace and relkind in ('r', 'v') order by relname`,
    );
    expect(rows.map(({ relname }) => relname)).toEqual([
      'backup_history',
      'backup_policies',
      'cluster_objectives',
      'monitoring_events',
      'recovery_history',
      'schema_migrations',
      'v_last_proven',
      'v_objectives',
      'v_rto_rpo_monitoring',
    ]);
    const elsewhere = await client.query(`select 1 from pg_class where relnamespace = 'public'::regnamespace`);
    expect(elsewhere.rowCount).toBe(0);
  });

  it('takes turns when several begin at once', async () => {
    const others = await Promise.all([catalog.cluster.connect(), catalog.cluster.connect(), catalog.cluster.connect()]);
    try {
      const applied = await Promise.all(others.map((other) => migrate(other)));
      expect(applied.sort()).toEqual([0, 0, migrations.length]);
    } finally {
      await Promise.all(others.map((other) => other.end()));
    }
  });

  it('applies only the steps that are missing', async () => {
    const first = step(1, 'create table pgdrill.a ()');
    expect(await migrate(client, [first])).toBe(1);
    expect(await migrate(client, [first, step(2, 'create table pgdrill.b ()'), step(3, 'drop table pgdrill.a')])).toBe(
      2,
    );
    expect(await versions()).toEqual([1, 2, 3]);
  });

  it('leaves nothing half-done when a step fails', async () => {
    await migrate(client, [step(1, 'create table pgdrill.a ()')]);
    const steps = [step(1, ''), step(2, 'create table pgdrill.b ()'), step(3, 'create table pgdrill.b ()')];
    await expect(migrate(client, steps)).rejects.toThrow('already exists');
    expect(await versions()).toEqual([1]);
    expect((await client.query(`select to_regclass('pgdrill.b') as b`)).rows).toEqual([{ b: null }]);
  });

  it('refuses a schema that a newer pgdrill has changed', async () => {
    await migrate(client, [...migrations, step(migrations.length + 1, 'select 1')]);
    await expect(migrate(client)).rejects.toThrow(ConfigurationError);
    await expect(migrate(client)).rejects.toThrow(
      `The catalog's schema has version ${migrations.length + 1}, and this pgdrill knows versions up to ${migrations.length}.`,
    );
  });
});
