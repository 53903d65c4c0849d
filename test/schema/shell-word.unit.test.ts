import { execFileSync } from 'node:child_process';

import { expect, it } from 'vitest';

import { shellQuoted, shellWord } from '../../src/schema/shell-word.js';

it.each(['/a/b-c', "it's", 'a b', '$(date)', '`date`', 'a; date', '-n', 'a\nb', '"', '\\', '*', '~', '', 'für'])(
  'a shell reads %j as one word, as it was',
  (text) => {
    for (const written of [shellQuoted(text), shellWord(text)])
      expect(execFileSync('/bin/sh', ['-c', `printf '%s|' ${written}`], { encoding: 'utf8' })).toBe(`${text}|`);
  },
);

it('what needs no quotes gets none, since people read it', () => {
  expect(shellWord('drill-shop-2026-11-22-0200')).toBe('drill-shop-2026-11-22-0200');
  expect(shellWord('/srv/a_b/c.d')).toBe('/srv/a_b/c.d');
});
