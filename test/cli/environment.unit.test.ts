import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { environment } from '../../src/cli/reference/facts.js';

test('the reference names every variable of ours that a program reads, and no other', () => {
  const root = join(import.meta.dirname, '..', '..');
  const read = ['src', 'activities', 'workers']
    .flatMap((room) =>
      readdirSync(join(root, room), { recursive: true, encoding: 'utf8' }).map((name) => join(room, name)),
    )
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => [...readFileSync(join(root, name), 'utf8').matchAll(/env(?:\.|\[')(PGDRILL_[A-Z_]+)/g)])
    .map(([, variable = '']) => variable);
  const named = environment.map(([name]) => name).filter((name) => name.startsWith('PGDRILL_'));
  expect([...new Set(read)].sort()).toEqual([...named].sort());
});
