// Records the workflow histories that test/histories lacks, from real runs: `node scripts/record-histories.mjs`, after a build. Those that
// are there stay: what an earlier pgdrill began has to go on. One is removed, and so recorded anew, only after a change that it cannot be
// replayed with, when it is clear that no such run is still on its way anywhere.
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
