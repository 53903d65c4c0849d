import type { Command } from 'commander';

import { connectTemporal, type Temporal } from '../client/temporal.js';
import { type LoadedConfiguration, loadConfiguration } from '../configuration/load.js';
import { readDevState } from '../embedded/dev-state.js';
import { globalOptions } from './global-options.js';

export async function loadFor(command: Command): Promise<LoadedConfiguration> {
  const { config } = globalOptions(command);
  return await loadConfiguration(config === undefined ? {} : { path: config });
}

/** Runs a command's work with a connection to Temporal that is closed afterwards. */
export async function withTemporal<T>(
  loaded: LoadedConfiguration,
  work: (temporal: Temporal) => Promise<T>,
): Promise<T> {
  const temporal = await connectTemporal(loaded.stateDirectory);
  try {
    return await work(temporal);
  } finally {
    await temporal.close();
  }
}

/** The catalog's URL: the configuration's, the environment's (of a worker of `pgdrill dev`), or that of the running `pgdrill dev`. */
export async function catalogUrlFor({
  configuration,
  stateDirectory,
}: LoadedConfiguration): Promise<string | undefined> {
  return (
    configuration.catalog.url ?? process.env['PGDRILL_CATALOG_URL'] ?? (await readDevState(stateDirectory))?.catalogUrl
  );
}
