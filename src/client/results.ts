import type { backup, consolidate, extract, recover } from '../../workflows/index.js';

/** What the workflows answer with (types only: no workflow code is loaded here). */
export type ConsolidateResult = Awaited<ReturnType<typeof consolidate>>;
export type BackupResult = Awaited<ReturnType<typeof backup>>;
export type RecoverResult = Awaited<ReturnType<typeof recover>>;
export type ExtractResult = Awaited<ReturnType<typeof extract>>;
