import type { LoadedConfiguration } from '../src/configuration/load.js';
import type { PostgresTools } from '../src/toolchain/postgres.js';

/** What activities need from the process they run in. The worker makes it once; tests make their own. */
export interface Dependencies {
  loaded: LoadedConfiguration;
  /** PostgreSQL's tools of a major version: those of another cannot read a cluster's files. */
  toolsFor: (major: number) => Promise<PostgresTools>;
  /** URL of the catalog database; undefined where none is configured and no embedded one runs. */
  catalogUrl: string | undefined;
  /** Whether Temporal knows our search attributes now; without it, runs set none. */
  searchable?: () => Promise<boolean>;
}
