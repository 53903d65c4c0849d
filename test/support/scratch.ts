import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { makePrivateDirectory } from '../../src/files/durable.js';

/**
 * A new directory that both we and the server user can use; short, because Unix socket paths end at 107 characters. Callers
 * remove it with `removeScratch`.
 */
export async function makeScratch(): Promise<string> {
  const outer = await mkdtemp('/tmp/pgdt-');
  await chmod(outer, 0o755);
  const scratch = join(outer, 's');
  await makePrivateDirectory(scratch);
  return scratch;
}

export async function removeScratch(scratch: string): Promise<void> {
  await rm(join(scratch, '..'), { recursive: true, force: true });
}

/** A TCP port on loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
