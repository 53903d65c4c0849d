import { getEventListeners } from 'node:events';

import { expect, it } from 'vitest';

import { withOwnSignal } from '../../src/client/own-signal.js';

/** A call as Temporal's client makes it: its listener stays. */
const call = (signal: AbortSignal): Promise<boolean> => {
  signal.addEventListener('abort', () => undefined);
  return Promise.resolve(signal.aborted);
};

it('questions leave no listener behind, however many there are', async () => {
  const over = new AbortController();
  for (let question = 0; question < 20; question++) await withOwnSignal(over.signal, call);
  await expect(withOwnSignal(over.signal, () => Promise.reject(new Error('no answer')))).rejects.toThrow('no answer');
  expect(getEventListeners(over.signal, 'abort')).toEqual([]);
});

it('an abort reaches the question that is open, and every later one, with its reason', async () => {
  const over = new AbortController();
  const asking = withOwnSignal(
    over.signal,
    (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
  );
  over.abort(new Error('detached'));
  await expect(asking).rejects.toThrow('detached');
  expect(await withOwnSignal(over.signal, call)).toBe(true);
});
