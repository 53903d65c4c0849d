import { expect, it } from 'vitest';

import { planSetup, renderScript } from '../../src/setup/plan-setup.js';

const connection = { host: '/run/postgresql', user: 'pgdrill', dbname: 'shop' };
const archiving = /archive_mode|archive_library|archive_directory/;

it('a cluster that archives its WAL is told where to', () => {
  const script = renderScript(planSetup({ connection }, '/srv/shop/wal', 'archive', undefined));
  expect(script).toMatch(/^alter system set archive_mode = 'on';/m);
  expect(script).toMatch(/^alter system set basic_archive.archive_directory = '\/srv\/shop\/wal';/m);
  expect(script).not.toContain('max_slot_wal_keep_size');
});

it('one whose WAL is streamed archives nothing, and its slot cannot fill its disk', () => {
  const script = renderScript(planSetup({ connection }, undefined, 'stream', undefined));
  expect(script).not.toMatch(archiving);
  expect(script).toMatch(/^alter system set max_slot_wal_keep_size = '20GB'; +-- without a limit/m);
  expect(script).toMatch(/^alter role "pgdrill" replication; +-- .*a stream makes its slot$/m);
});

it('for an archive that other tools fill nothing of archiving is set, and a standby has settings of its own', () => {
  const plan = planSetup({ connection, backupFrom: { host: 'standby' } }, undefined, 'command', undefined);
  expect(plan.settingStatements.map(({ sql }) => sql).join()).not.toMatch(/archive|max_slot/);
  expect(renderScript(plan)).toMatch(/-- The standby in backup_from .*alter system set summarize_wal = 'on'/);
});
