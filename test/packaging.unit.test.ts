import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';
import { describe, expect, test } from 'vitest';

import { createProgram } from '../src/cli/program.js';

const root = join(import.meta.dirname, '..');
const systemd = join(root, 'packaging', 'systemd');
const units = (await readdir(systemd)).sort();

describe('the package', () => {
  test('has the program, the workflow bundle, the worker, the documents and the units, and no tests', async () => {
    const { stdout } = await execa('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], { cwd: root });
    const [packed] = JSON.parse(stdout) as [{ files: { path: string; mode: number }[] }];
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        'man/pgdrill.1',
        'docs/commands.md',
        'docs/configuration.md',
        'LICENSE',
        'README.md',
        ...units.map((unit) => `packaging/systemd/${unit}`),
      ]),
    );
    expect(paths.filter((path) => /^(test|src|node_modules|docker|\.ci)\//.test(path))).toEqual([]);
  });
});

describe.each(units)('the unit %s', (unit) => {
  test('starts a command that exists, with options that exist', async () => {
    const line = /^ExecStart=\/usr\/bin\/env pgdrill (.*)$/m.exec(await readFile(join(systemd, unit), 'utf8'));
    if (unit.endsWith('.timer')) expect(line).toBeNull();
    else {
      const [name, ...options] = line![1]!.split(' ');
      const command = createProgram(() => undefined).commands.find((each) => each.name() === name);
      expect(command).toBeDefined();
      for (const option of options) expect(command!.options.map(({ long }) => long)).toContain(option);
    }
  });

  test('is what systemd understands', async ({ skip }) => {
    const { exitCode, all, failed, code } = await execa(
      'systemd-analyze',
      ['verify', '--man=no', ...units.map((each) => join(systemd, each))],
      { reject: false, all: true },
    );
    if (failed && code === 'ENOENT') skip('systemd-analyze is not installed here');
    expect({ exitCode, all }).toEqual({ exitCode: 0, all: '' });
  });

  test('is as exposed as systemd calls OK, or less', async ({ skip }) => {
    if (unit.endsWith('.timer')) return;
    const options = ['--offline=true', '--threshold=25', '--no-pager', join(systemd, unit)];
    const { exitCode, all, code } = await execa('systemd-analyze', ['security', ...options], {
      reject: false,
      all: true,
    });
    if (code === 'ENOENT') skip('systemd-analyze is not installed here');
    if (all.includes('unrecognized option')) skip('this systemd-analyze knows no --offline (systemd 250)');
    expect(exitCode, all).toBe(0);
    expect(all).toMatch(/Overall exposure level for \S+: [\d.]+ OK/);
  });

  test('runs as nobody powerful: no capability, no new privileges, a file system that is read-only but for its own', async () => {
    const text = await readFile(join(systemd, unit), 'utf8');
    if (unit.endsWith('.timer')) return;
    for (const line of ['User=postgres', 'CapabilityBoundingSet=', 'NoNewPrivileges=yes', 'ProtectSystem=strict'])
      expect(text.split('\n')).toContain(line);
  });
});
