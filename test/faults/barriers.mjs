// Loaded into a worker process before anything else (NODE_OPTIONS=--import): puts barriers around the functions listed in
// barrier-hooks.mjs, so that a test can hold the real, built worker in the middle of any step. Product code knows nothing of it.
import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

// Workflow threads have no steps in them.
if (isMainThread && process.env.PGDRILL_TEST_BARRIERS !== undefined) register('./barrier-hooks.mjs', import.meta.url);
