import { expect, test } from 'vitest';

import { type CommandHelp, commandsOf, helpOfAll } from '../../src/cli/command-tree.js';
import { createProgram } from '../../src/cli/program.js';
import { renderManPage } from '../../src/cli/reference/man-page.js';
import { renderCommandsPage } from '../../src/cli/reference/markdown.js';

const program = createProgram(() => undefined);
const help = helpOfAll(program);

// That each has an example, and says what its arguments and options mean: help.unit.test.ts.

test('examples are taken out of the help, and what else stands below the options', () => {
  const init = help.find(({ path }) => path === 'pgdrill init');
  expect(init?.examples[1]).toBe('pgdrill init shop --as user=postgres --apply');
  expect(init?.notes).toMatch(/^Without --as nothing is connected to\.[^\n]*$/);
  expect(help.filter(({ examples }) => examples.length === 0)).toEqual([]);
});

test('the options in examples exist', () => {
  const options = new Map(
    commandsOf(program).map(({ path, command }) => [
      path,
      new Set([...command.options, ...program.options].map(({ long }) => long)),
    ]),
  );
  const unknown = help
    .flatMap(({ examples }) => examples)
    .flatMap((example) => {
      const path = [...options.keys()]
        .filter((each) => `${example} `.includes(`${each} `))
        .sort((a, b) => b.length - a.length)[0];
      const used = example.match(/(?<=\s)--[a-z-]+/g) ?? [];
      return used
        .filter((option) => options.get(path ?? '')?.has(option) !== true)
        .map((option) => `${example}: ${option}`);
    });
  expect(unknown).toEqual([]);
});

test('what asks before it deletes can be shown beforehand', () => {
  const options = (each: CommandHelp): string => each.options.map(({ term }) => term).join(' ');
  const asking = help.filter((each) => options(each).includes('--yes'));
  expect(asking.map(({ path }) => path)).toEqual(
    expect.arrayContaining([
      'pgdrill retention apply',
      'pgdrill policies apply',
      'pgdrill stream stop',
      'pgdrill janitor',
    ]),
  );
  // A recovery is looked at with `pgdrill plan`; of a file there is nothing to show but its name.
  const others = asking.filter((each) => !options(each).includes('--dry-run')).map(({ path }) => path);
  expect(others).toEqual(['pgdrill recover', 'pgdrill report']);
});

test('a command without subcommands that is not shown is only what shells ask', () => {
  const shown = new Set(help.map(({ path }) => path));
  const others = commandsOf(program).filter(({ path, command }) => command.commands.length === 0 && !shown.has(path));
  expect(others.map(({ path }) => path)).toEqual(['pgdrill complete']);
});

test('the pages made of the tree name every command, and nothing of this machine', () => {
  const [page, man] = [renderCommandsPage(program), renderManPage(program)];
  for (const { path, usage } of help) {
    expect(page).toContain(`\n## ${path}\n`);
    expect(page).toContain(`\n${usage}\n`);
    expect(man).toContain(`.SS "${usage.replaceAll('-', '\\-')}"`);
  }
  expect(page).toContain('(default: your user name)');
  expect(man).not.toMatch(/^'/m);
});
