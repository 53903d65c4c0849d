import type { backup, recover } from '../../workflows/index.js';

/** What the workflows answer with (types only: no workflow code is loaded here). */
export type BackupResult = Awaited<ReturnType<typeof backup>>;
export type RecoverResult = Awaited<ReturnType<typeof recover>>;
