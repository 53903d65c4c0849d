import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { execa } from 'execa';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

import { findPromtool } from '../../scripts/promtool.js';

const promtool = await findPromtool();

interface Rules {
  groups: { rules: { alert: string }[] }[];
}
interface Expectation {
  alertname: string;
  exp_alerts: unknown[];
}

it('every alert has a test in which it fires, and one in which it does not', async () => {
  const { groups } = parse(await readFile('docker/prometheus/alerts.yml', 'utf8')) as Rules;
  const { tests } = parse(await readFile('docker/prometheus/alerts.test.yml', 'utf8')) as {
    tests: { alert_rule_test: Expectation[] }[];
  };
  const expected = tests.flatMap((test) => test.alert_rule_test);
  const names = (fires: boolean): string[] =>
    [...new Set(expected.filter((each) => each.exp_alerts.length > 0 === fires).map((each) => each.alertname))].sort();
  const alerts = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert)).sort();
  expect(names(true)).toEqual(alerts);
  expect(names(false)).toEqual(alerts);
});

// Building promtool takes minutes (npm run test:rules), so that it is no part of the tests' set-up.
it.skipIf(promtool === undefined)(
  'promtool plays them (skipped where it is neither on PATH nor in the cache)',
  async () => {
    const play = async (...args: string[]) =>
      await execa(promtool ?? '', ['test', 'rules', ...args], { reject: false, all: true });
    const { exitCode, all } = await play('docker/prometheus/alerts.test.yml');
    expect(all).toContain('SUCCESS');
    expect(exitCode).toBe(0);
    // It does find a rule that says something else.
    const directory = await mkdtemp(join(tmpdir(), 'pgdrill-rules-'));
    try {
      for (const file of ['alerts.yml', 'alerts.test.yml'])
        await writeFile(
          join(directory, file),
          (await readFile(`docker/prometheus/${file}`, 'utf8')).replace('pgdrill_wal_gaps > 0', 'pgdrill_wal_gaps > 7'),
        );
      const broken = await play(join(directory, 'alerts.test.yml'));
      expect(broken.exitCode).not.toBe(0);
      expect(broken.all).toContain('PgdrillWalGap');
    } finally {
      await rm(directory, { recursive: true });
    }
  },
);
