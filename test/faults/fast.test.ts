import { afterAll, beforeAll, describe, test } from 'vitest';

import { play } from './engine.js';
import { chosenCells, titleOf } from './matrix.js';
import { whyNotHere } from './playable.js';
import { type FragileTemporal, startFragileTemporal } from './temporal-server.js';

// A part of the matrix that is quick enough for every run; the whole of it: npm run test:faults.
let temporal: FragileTemporal;

beforeAll(async () => {
  temporal = await startFragileTemporal();
});
afterAll(async () => {
  await temporal.stop();
});

describe.concurrent('a fault in the middle of a step', () => {
  for (const cell of chosenCells()) {
    test(titleOf(cell), { timeout: 300_000 }, async ({ skip }) => {
      const why = whyNotHere(cell);
      skip(why !== undefined, why);
      await play(cell, temporal);
    });
  }
});
