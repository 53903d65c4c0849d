import { loadClientConnectConfig } from '@temporalio/envconfig';

import { ConfigurationError, messageOf } from '../errors.js';
import { readDevState } from '../embedded/dev-state.js';

export interface TemporalAddress {
  address: string;
  namespace: string;
  connectionOptions: ReturnType<typeof loadClientConnectConfig>['connectionOptions'] & { address: string };
}

/**
 * Where Temporal is: by its own environment variables and TOML profiles (`@temporalio/envconfig`), else the running `pgdrill dev` stack,
 * else Temporal's default address.
 */
export async function findTemporalAddress(stateDirectory: string): Promise<TemporalAddress> {
  let config: ReturnType<typeof loadClientConnectConfig>;
  try {
    config = loadClientConnectConfig();
  } catch (error) {
    throw new ConfigurationError(
      {
        what: `Temporal's configuration cannot be used: ${messageOf(error)}`,
        means: 'pgdrill cannot tell which Temporal server to talk to.',
        todo: 'Correct the TEMPORAL_… variables or the profile in temporal.toml.',
      },
      { cause: error },
    );
  }
  const { namespace = 'default', connectionOptions } = config;
  // An empty TEMPORAL_ADDRESS is what a compose file makes of one that is not set.
  const configured = connectionOptions.address === '' ? undefined : connectionOptions.address;
  const address = configured ?? (await readDevState(stateDirectory))?.temporalAddress ?? 'localhost:7233';
  return { namespace, address, connectionOptions: { ...connectionOptions, address } };
}
