import type { Conninfo } from '../postgres/conninfo.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { Plan, Sandbox } from '../schema/results.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import type { Expendable } from './expendable.js';
import type { Chance } from './chance.js';

/** What breaking a copy of the repository needs. */
export interface CopyContext {
  tools: PostgresTools;
  expendable: Expendable;
  chance: Chance;
  /** The plan that was made of the original: the chain, and the WAL that will be replayed. */
  plan: Pick<Plan, 'target' | 'wal'>;
  /** Of the copy, the full first. */
  chain: readonly BackupRecord[];
  /** The copy's root. */
  repository: string;
  walDirectory: string;
  /** Asked which file is which table: file names say nothing. It is only read. */
  source: Conninfo;
  signal: AbortSignal;
}

/** What breaking a restored server needs. */
export interface RestoredContext {
  tools: PostgresTools;
  expendable: Expendable;
  chance: Chance;
  sandbox: Sandbox;
  /** The role that the proof reads with: without it there would be nothing to see. */
  role: string;
  signal: AbortSignal;
}

/** Breaks exactly one thing. @returns a sentence's end: what was broken, where. */
export type Break<Context> = (context: Context) => Promise<string>;
