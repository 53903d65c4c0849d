// Everything exported here is a workflow by that name: the types listed in the Web UI.
export { applyRetention } from './apply-retention.js';
export { backup } from './backup.js';
export { consolidate } from './consolidate.js';
export { drill } from './drill.js';
export { extract } from './extract.js';
export { janitor } from './janitor.js';
export { recover } from './recover.js';
export { sabotageDrill } from './sabotage-drill.js';
export { verifyRepository } from './verify-repository.js';
export { streamWal } from './stream-wal.js';
