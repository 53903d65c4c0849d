import { expect, test } from 'vitest';

import { missingOf, stepsOf } from './guide.js';

test('the commands of a guide, and what they show', () => {
  const markdown =
    'Text.\n\n```sh\na\n```\n\n```sh until\nb\n```\n\n```text\none … two\n```\n\n```yaml\nno: command\n```\n\n```sh source\nc\n```\n';
  expect(stepsOf(markdown)).toEqual([
    { line: 3, command: 'a\n', until: false, onSource: false, expected: [] },
    { line: 7, command: 'b\n', until: true, onSource: false, expected: ['one … two'] },
    { line: 19, command: 'c\n', until: false, onSource: true, expected: [] },
  ]);
});

test('what a guide shows has to be there, in its order', () => {
  const output = 'XID   WHAT\n48213 delete   (x)\nend';
  expect(missingOf(output, ['XID WHAT', '48213 … (x)', 'end'])).toBeUndefined();
  expect(missingOf(output, ['end', 'XID'])).toBe('XID');
  expect(missingOf(output, ['48213 … (y)'])).toBe('48213 … (y)');
});
