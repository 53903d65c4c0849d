import { ApplicationFailure } from '@temporalio/workflow';
import { expect, test } from 'vitest';

import { drillInputSchema } from '../../src/schema/workflow-inputs.js';
import { parseInput } from '../../workflows/input.js';

function problems(input: unknown): string {
  try {
    parseInput(drillInputSchema, input);
  } catch (error) {
    if (error instanceof ApplicationFailure && error.nonRetryable === true) return error.message;
    throw error;
  }
  return '';
}

test('a key with a typo is answered with the near one, and with all there are', () => {
  expect(problems({ cluster: 'shop', gatetimeout: '30m' })).toMatch(
    /"gatetimeout"\. Did you mean "gateTimeout"\? \(there are: cluster, /,
  );
  expect(problems({ clsuter: 'shop' })).toMatch(/"clsuter"\. Did you mean "cluster"\?/);
});

test('a key like none is answered with all there are', () => {
  expect(problems({ cluster: 'shop', customers: 1 })).toMatch(/"customers" \(there are: cluster, /);
});

test('an input that is right is taken', () => {
  expect(problems({ cluster: 'shop', gateTimeout: '30m' })).toBe('');
});
