import { execa } from 'execa';

import { ensurePromtool } from './promtool.js';

// Checks docker/prometheus with Prometheus' own promtool, and plays the tests of its alert rules. Builds promtool where there is none.
const promtool = await ensurePromtool((line) => process.stderr.write(`${line}\n`));
for (const args of [
  ['check', 'config', 'docker/prometheus/prometheus.yml'],
  ['test', 'rules', 'docker/prometheus/alerts.test.yml'],
]) {
  const { exitCode } = await execa(promtool, args, { stdio: 'inherit', reject: false });
  if (exitCode !== 0) process.exitCode = 1;
}
