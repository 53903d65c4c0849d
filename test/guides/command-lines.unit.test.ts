import { expect, it } from 'vitest';

import { commandsOf } from '../../src/cli/command-tree.js';
import { createProgram } from '../../src/cli/program.js';
import { wrongWords } from './command-lines.js';

const commands = commandsOf(createProgram(() => undefined));

it.each([
  [`pgdrill drill shop --gate restore promote --id one`, []],
  [`pgdrill approve one --by mallory || echo "refused with $?"`, []],
  [`pgdrill psql one -- -d shop`, []],
  [`pgdrill retention`, []],
  [`pgdrill dril shop`, ['no such command']],
  [`pgdrill retention plan shop shop`, ['too many arguments']],
  [`pgdrill retention plans shop`, ['no such command']],
  [`pgdrill drill shop --gats`, ['no option --gats']],
  [`pgdrill drill shop --scenario new`, ['--scenario cannot be new']],
  [`pgdrill report shop --out`, ['--out without its value']],
])('%s', (line, wrong) => {
  expect(wrongWords(line, commands)).toEqual(wrong.map((what) => `${line}: ${what}`));
});
