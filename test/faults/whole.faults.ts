import { afterAll, beforeAll, describe, test } from 'vitest';

import { play } from './engine.js';
import { cells, titleOf } from './matrix.js';
import { whyNotHere } from './playable.js';
import { type FragileTemporal, startFragileTemporal } from './temporal-server.js';

// The whole matrix: npm run test:faults. A part of it runs with all other tests (fast.test.ts).
let temporal: FragileTemporal;

beforeAll(async () => {
  temporal = await startFragileTemporal();
});
afterAll(async () => {
  await temporal.stop();
});

describe.concurrent('the whole matrix', () => {
  for (const cell of cells) {
    test(titleOf(cell), { timeout: 600_000 }, async ({ skip }) => {
      const why = whyNotHere(cell);
      skip(why !== undefined, why);
      await play(cell, temporal);
    });
  }
});
