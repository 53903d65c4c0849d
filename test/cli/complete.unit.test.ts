import { describe, expect, test } from 'vitest';

import { complete, type Lookup } from '../../src/cli/complete.js';
import { createProgram } from '../../src/cli/program.js';

const program = createProgram(() => undefined);

/** Answers with what it was asked. */
const echo: Lookup = (kind, { arguments: args, config }) =>
  Promise.resolve([{ word: [kind, ...args, ...(config === undefined ? [] : [config])].join(' '), description: '' }]);

async function words(...typed: string[]): Promise<string[] | 'files'> {
  const found = await complete(program, typed, echo);
  return found === 'files' ? found : found.map(({ word }) => word);
}

describe('what could be typed next', () => {
  test('commands and their commands, but not those that only shells ask', async () => {
    expect(await words('')).toEqual(expect.arrayContaining(['backup', 'drill', 'retention', 'help']));
    expect(await words('')).not.toContain('complete');
    expect(await words('ba')).toEqual(['backup', 'backups']);
    expect(await words('retention', '')).toEqual(expect.arrayContaining(['plan', 'apply', 'undo']));
  });

  test('options, and of those with choices the values', async () => {
    expect(await words('drill', 'shop', '--ga')).toEqual(['--gate', '--gate-timeout']);
    expect(await words('drill', '--j')).toEqual(['--json']);
    expect(await words('drill', '--version')).toEqual([]);
    expect(await words('backup', 'shop', '--type', 'in')).toEqual(['incremental']);
    expect(await words('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  test('clusters, runs, backups, holds, schedules, where their argument comes', async () => {
    expect(await words('drill', '')).toEqual(['cluster']);
    expect(await words('approve', '')).toEqual(['run']);
    expect(await words('report', '')).toEqual(['cluster', 'run']);
    expect(await words('hold', 'shop', '')).toEqual(['backup shop']);
    expect(await words('release', 'shop', '')).toEqual(['hold shop']);
    expect(await words('policies', 'pause', 'shop', '')).toEqual(['schedule shop']);
    expect(await words('retention', 'undo', 'shop', 'one', '')).toEqual(['backup shop one']);
    expect(await words('drill', 'shop', '')).toEqual([]);
  });

  test('values of options are no arguments; the configuration that was named is the one that is asked', async () => {
    expect(await words('drill', '--target', 'latest', '')).toEqual(['cluster']);
    expect(await words('--config', 'other.yaml', 'drill', '')).toEqual(['cluster other.yaml']);
    expect(await words('--json', 'drill', '')).toEqual(['cluster']);
  });

  test('a value may stand behind =, which bash gives as a word of its own', async () => {
    expect(await words('backup', 'shop', '--type=in')).toEqual(['--type=incremental']);
    expect(await words('backup', 'shop', '--type', '=')).toEqual(['full', 'incremental', 'differential']);
    expect(await words('backup', 'shop', '--type', '=', 'in')).toEqual(['incremental']);
    expect(await words('--config=other.yaml', 'drill', '')).toEqual(['cluster other.yaml']);
    expect(await words('report', '--out=/var')).toBe('files');
  });

  test('a backup that an option names is looked up', async () => {
    expect(await words('consolidate', 'shop', '--up-to', '')).toEqual(['backup shop']);
    expect(await words('drill', 'shop', '--id', '')).toEqual([]);
  });

  test('paths are the shell’s to complete', async () => {
    expect(await words('--config', '')).toBe('files');
    expect(await words('recover', 'shop', '--into', '/var')).toBe('files');
    expect(await words('report', '--out', '')).toBe('files');
    expect(await words('drill', '--gate-timeout', '')).toEqual([]);
  });
});
