import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Sandbox } from '../src/schema/results.js';
import type { PostgresTools } from '../src/toolchain/postgres.js';
import type { Dependencies } from './dependencies.js';

/** The tools of the version that a sandbox's data directory belongs to, by its `PG_VERSION`. */
export async function toolsOfSandbox(
  { toolsFor }: Dependencies,
  sandbox: Pick<Sandbox, 'dataDirectory'>,
): Promise<PostgresTools> {
  const version = await readFile(join(sandbox.dataDirectory, 'PG_VERSION'), 'utf8').catch(() => '0');
  return await toolsFor(Number(version.trim()));
}
