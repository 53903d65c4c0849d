import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, describe, expect, it } from 'vitest';

import { standaloneContext } from '../../src/process/step-context.js';
import { captureSource } from '../../src/proof/capture.js';
import { validateRestore } from '../../src/proof/validate.js';
import { judge } from '../../src/proof/verdict.js';
import { keys } from '../../src/repository/repository.js';
import { findingsOfMendedMaps } from '../../src/restore/mended-maps.js';
import { readSandboxRecord, removeSandbox } from '../../src/restore/sandbox.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { column, inSandbox, restoreTo } from './restore-support.js';

let shop: ProtectedCluster;

afterEach(() => shop.remove());

/**
 * Pages at the end that are empty and all-visible, and stay: then VACUUM cuts them off. 34 such rows fill a page, so 18 full pages are
 * left: what is inserted later touches none of them, and so not the map either.
 */
const emptied = (table: string): string => `
  create table ${table} (id int primary key, txt text);
  insert into ${table} select i, repeat('x', 200) from generate_series(1, 3000) as i;
  delete from ${table} where id > 612`;
const grow = (table: string): string =>
  `insert into ${table} select i, repeat('z', 200) from generate_series(10001, 12000) as i`;

/** The guard off: takes back what was found about a link, so that it is restored from. */
async function callSafe({ id }: BackupRecord): Promise<void> {
  const path = join(shop.repository.path, keys.record(id));
  const { unsafe, ...rest } = JSON.parse(await readFile(path, 'utf8')) as BackupRecord;
  expect(unsafe?.join()).toContain('visibility map');
  await writeFile(path, JSON.stringify(rest));
}

describe.each([17, 18] as const)(
  'a visibility map that an incremental backup of PostgreSQL %i brings back',
  (major) => {
    it('is mended and named, whether its table has grown since or not', async () => {
      shop = await protectCluster({
        major,
        settings: { autovacuum: 'off' },
        initdbArgs: major === 18 ? ['--no-data-checksums'] : [],
      });
      const tables = ['short', 'grown_before', 'grown_after', 'sound'];
      for (const table of tables) {
        await shop.sql(emptied(table));
        await shop.sql(`vacuum (freeze, truncate false) ${table}`);
      }
      await shop.backup('full');
      for (const table of ['short', 'grown_before', 'grown_after']) await shop.sql(`vacuum ${table}`);
      await shop.sql(grow('grown_before'));
      await callSafe(await shop.backup('incremental'));
      await shop.sql(grow('grown_after'));
      const capture = await captureSource(
        shop.tools,
        {
          ...shop.patient,
          repository: shop.repository,
          connections: 1,
          snapshotTimeoutMs: 60_000,
          drillId: `mend-${major}`,
        },
        standaloneContext('capture'),
      );
      const { plan, sandbox } = await restoreTo(shop, 'fence', { fence: capture.fence });
      try {
        expect(plan.chain).toHaveLength(2);
        const findings = await findingsOfMendedMaps(sandbox, new AbortController().signal);
        expect(findings.map(({ name, level, message }) => [name, level, message.replace(/: .*/, '')]).sort()).toEqual(
          ['grown_after', 'grown_before', 'short'].map((table) => [
            'visibility map',
            'warning',
            `The visibility map of table public.${table} in database postgres came out of the incremental backups wrong, and was mended`,
          ]),
        );
        const within = (await readSandboxRecord(sandbox.directory))!.mended!.filter((each) => each.within > 0);
        expect(within).toHaveLength(1); // the one that grew again before the backup

        const { checks } = await validateRestore(
          shop.tools,
          { repository: shop.repository, sandbox, role: 'pgdrill', capture, connections: 1 },
          standaloneContext('validate'),
        );
        expect(judge(checks)).toMatchObject({ verdict: 'passed' });
        for (const table of tables) {
          await inSandbox(sandbox, (client) => client.query(`delete from ${table} where id > 10000`));
          const indexOnly = `set enable_seqscan = off; set enable_bitmapscan = off`;
          const shown = await inSandbox(sandbox, async (client) => {
            await client.query(`${indexOnly}; ${grow(table)}; delete from ${table} where id > 10000`);
            return await client.query<{ rows: number }>(`select count(id)::int as rows from ${table} where id > 10000`);
          });
          expect(shown.rows).toEqual([{ rows: 0 }]);
        }
      } finally {
        await removeSandbox(shop.tools, sandbox);
      }
    });

    it('is left alone where it is right', async () => {
      shop = await protectCluster({ major, initdbArgs: ['--data-checksums'], settings: { autovacuum: 'off' } });
      await shop.sql(`${emptied('cut')}; ${emptied('changed')}`);
      await shop.sql(`vacuum (freeze, truncate false) cut`);
      await shop.sql(`vacuum (freeze) changed`);
      await shop.backup('full');
      await shop.sql(`vacuum cut`);
      await shop.sql(`update changed set txt = 'y' where id < 100`);
      await shop.backup('incremental');
      await shop.archive();
      const { sandbox } = await restoreTo(shop, 'latest');
      try {
        expect((await readSandboxRecord(sandbox.directory))!.mended).toEqual([]);
        expect(await findingsOfMendedMaps(sandbox, new AbortController().signal)).toEqual([]);
        await inSandbox(sandbox, (client) => client.query('create extension pg_visibility'));
        const marked = `select all_visible from pg_visibility_map_summary('cut')`;
        expect(await column(sandbox, marked)).not.toEqual(['0']);
      } finally {
        await removeSandbox(shop.tools, sandbox);
      }
    });
  },
);
