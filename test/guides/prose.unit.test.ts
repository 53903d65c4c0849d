import { readdirSync, readFileSync } from 'node:fs';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { execa } from 'execa';
import { describe, expect, it, test } from 'vitest';
import { parse, stringify } from 'yaml';

import { commandsOf } from '../../src/cli/command-tree.js';
import { createProgram } from '../../src/cli/program.js';
import { parseConfiguration } from '../../src/configuration/load.js';
import { clusterConfigurationSchema } from '../../src/schema/configuration.js';
import { wrongWords } from './command-lines.js';

const root = join(import.meta.dirname, '..', '..');
const guides = join(root, 'docs', 'guides');
const commands = commandsOf(createProgram(() => undefined));

/** All that is written for people; the reference of the commands is made of the program itself. */
const pages = ['README.md', 'CONTRIBUTING.md', ...pagesIn('docs'), ...pagesIn('docs/guides')].filter(
  (page) => page !== 'docs/commands.md',
);

describe.each(pages)('%s', (page) => {
  const text = readFileSync(join(root, page), 'utf8');

  it('names commands, options and choices that there are', () => {
    expect(commandLines(text).flatMap((line) => wrongWords(line, commands))).toEqual([]);
  });

  it('links to pages that there are', async () => {
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)#]*)/g))
      if (target !== '') await access(join(dirname(join(root, page)), target));
  });

  it('shows configuration that is understood', () => {
    for (const [, block = ''] of text.matchAll(/^```yaml\n([^]*?)^```$/gm)) {
      const part = parse(block) as object;
      const ofCluster = Object.keys(part).every((key) => key in clusterConfigurationSchema.shape);
      const shown: { clusters?: Record<string, object> } = ofCluster ? { clusters: { shop: part } } : part;
      const shop = { connection: 'host=/run/postgresql user=pgdrill', repository: '/var/lib/pgdrill/shop' };
      const whole = { ...shown, clusters: { shop: { ...shop, ...shown.clusters?.['shop'] } } };
      expect(parseConfiguration(stringify(whole), '/etc/pgdrill/pgdrill.yaml').clusters['shop']).toBeDefined();
    }
  });
});

test('the messages of "What can go wrong" are those of the program', () => {
  const said = ['src', 'activities', 'workflows']
    .flatMap((room) => readdirSync(join(root, room), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .join('\n');
  const rows = readFileSync(join(guides, 'what-can-go-wrong.md'), 'utf8').matchAll(/^\| `([^`]{16,})`/gm);
  const parts = [...rows].flatMap(([, message = '']) => message.split('…').map((part) => part.trim()));
  expect(parts.length).toBeGreaterThan(30);
  expect(parts.filter((part) => !said.includes(part))).toEqual([]);
});

describe.each([
  ['moving-from-pgbackrest', /<<'end'\n([^]*?)^end$/m, { pgbackrest: 'exit $ENDS' }],
  ['moving-from-barman', /^```bash\n([^]*?)^```$/m, { ssh: 'exit 0', 'barman-wal-restore': 'exit $ENDS' }],
])('the wrapper of %s', (guide, block, programs) => {
  it.each([
    [0, 0],
    [1, 1],
    [2, 254],
    [124, 254],
    [127, 127],
  ])('%d becomes %d', async (ends, becomes) => {
    expect(await runWrapper(guide, block, programs, { ENDS: String(ends) })).toBe(becomes);
  });
});

describe('Barman, which ends with 1 whatever is wrong', () => {
  const local = /<<'end'\n([^]*?)^end$/m;
  it.each([
    ['there', { sudo: 'exit 0' }, 0],
    [
      'not there',
      { sudo: `[ "$3" = test ] || { echo "ERROR: WAL file 'x' not found in server 'shop'" >&2; exit 1; }` },
      1,
    ],
    ['no such server', { sudo: `[ "$3" = test ] || { echo "ERROR: Unknown server 'shop'" >&2; exit 1; }` }, 254],
    ['not mounted', { sudo: 'exit 1' }, 254],
  ])('%s', async (_, programs, becomes) => {
    expect(await runWrapper('moving-from-barman', local, programs)).toBe(becomes);
  });

  it('nor is a host that cannot be reached an archive that ends', async () => {
    const away = { ssh: 'exit 255', 'barman-wal-restore': 'exit 1' };
    expect(await runWrapper('moving-from-barman', /^```bash\n([^]*?)^```$/m, away)).toBe(254);
  });
});

/** Runs the script that a guide shows, beside programs that answer as they are told. @returns its exit code. */
async function runWrapper(
  guide: string,
  block: RegExp,
  programs: Record<string, string>,
  env: Record<string, string> = {},
): Promise<number | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'pgdrill-guide-'));
  try {
    for (const [name, script] of Object.entries(programs))
      await writeFile(join(directory, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const [, wrapper = ''] = block.exec(readFileSync(join(guides, `${guide}.md`), 'utf8')) ?? [];
    const { exitCode } = await execa('sh', ['-c', wrapper, 'archive-get', '00000002.history', 'there'], {
      ...{ reject: false, cwd: directory },
      env: { ...env, PATH: `${directory}:${process.env['PATH'] ?? ''}` },
    });
    return exitCode;
  } finally {
    await rm(directory, { recursive: true });
  }
}

function pagesIn(folder: string): string[] {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}/${name}`);
}

/** In blocks for the shell and in code within the text. */
function commandLines(text: string): string[] {
  const blocks = [...text.matchAll(/^```sh.*\n([^]*?)^```$/gm)].flatMap(([, block = '']) =>
    block.replaceAll(/\\\n\s*/g, '').split('\n'),
  );
  const spans = [...text.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/`([^`]+)`/g)].map(([, span = '']) => span);
  return [...blocks, ...spans]
    .map((line) => line.trim())
    .filter((line) => line.startsWith('pgdrill ') && !/ --(help|version)$/.test(line))
    .flatMap(spelledOut);
}

/** `approve\|reject ID [--reason …]` in a table means several commands, with a value that is not said. */
function spelledOut(usage: string): string[] {
  const plain = usage.replaceAll(/[[\]]/g, '');
  const [, before = '', choices = '', after = ''] = /^(pgdrill )(\S+\\\|\S+)(.*)$/.exec(plain) ?? [];
  const lines = choices === '' ? [plain] : choices.split('\\|').map((choice) => `${before}${choice}${after}`);
  return lines.map((line) => (/ --\S+$/.test(line) ? `${line} …` : line));
}
