import { Client, Connection } from '@temporalio/client';

import { messageOf, UnreachableError } from '../errors.js';
import { findTemporalAddress } from './temporal-address.js';

export interface Temporal {
  client: Client;
  connection: Connection;
  address: string;
  namespace: string;
  close: () => Promise<void>;
}

/**
 * Connects to Temporal.
 *
 * @throws UnreachableError saying where it was looked for.
 */
export async function connectTemporal(stateDirectory: string, connectTimeout = '10s'): Promise<Temporal> {
  const { address, namespace, connectionOptions } = await findTemporalAddress(stateDirectory);
  try {
    const connection = await Connection.connect({ ...connectionOptions, connectTimeout });
    const client = new Client({ connection, namespace });
    return { client, connection, address, namespace, close: () => connection.close() };
  } catch (error) {
    throw new UnreachableError(
      {
        what: `Temporal at ${address} cannot be reached: ${messageOf(error)}`,
        means: 'Drills and backups are workflows on a Temporal server; none answers there.',
        todo: 'Start the embedded one in another terminal (pgdrill dev), or set TEMPORAL_ADDRESS.',
      },
      { cause: error },
    );
  }
}
