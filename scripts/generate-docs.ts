import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { createProgram } from '../src/cli/program.js';
import { renderManPage } from '../src/cli/reference/man-page.js';
import { renderCommandsPage } from '../src/cli/reference/markdown.js';
import { renderReference } from '../src/configuration/reference.js';
import { renderEvidenceSchema } from '../src/report/evidence-json-schema.js';

// Usage: generate-docs [--check]. With --check nothing is written, and the exit code is 1 where a page is out of date.

/** The checkout: this file runs from there and, compiled, from dist. */
function checkoutRoot(): string {
  const source = join(import.meta.dirname, '..');
  return existsSync(join(source, 'package.json')) ? source : dirname(source);
}

const program = createProgram(() => undefined);
const pages = [
  { path: 'docs/configuration.md', render: renderReference },
  { path: 'docs/commands.md', render: () => renderCommandsPage(program) },
  { path: 'man/pgdrill.1', render: () => renderManPage(program) },
  { path: 'docs/evidence-1.schema.json', render: renderEvidenceSchema },
];
const check = process.argv.includes('--check');

for (const page of pages) {
  const file = join(checkoutRoot(), page.path);
  const wanted = page.render();
  if ((await readFile(file, 'utf8').catch(() => undefined)) === wanted) continue;
  if (check) {
    process.stderr.write(`${page.path} is out of date. To do: npm run docs\n`);
    process.exitCode = 1;
    continue;
  }
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, wanted);
  process.stdout.write(`wrote ${page.path}\n`);
}
