// Records the workflow histories in test/histories anew, from real runs: `node scripts/record-histories.mjs`, after a build.
// Only after a change that old histories cannot replay with, when it is clear that no such run is still on its way anywhere.
import { fileURLToPath } from 'node:url';

import { startVitest } from 'vitest/node';

const recorder = fileURLToPath(new URL('../test/workflows/record-histories.ts', import.meta.url));
const vitest = await startVitest('test', [], {
  config: false,
  watch: false,
  include: [recorder],
  testTimeout: 300_000,
  hookTimeout: 300_000,
});
await vitest.close();
