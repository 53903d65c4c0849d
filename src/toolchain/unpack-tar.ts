import { gunzipSync } from 'node:zlib';

import { execa } from 'execa';

/**
 * Unpacks a gzipped tar archive with the system's `tar`. Node unzips it, since GNU tar would need a `gzip` beside it.
 * As root nothing is given to the archive's owners.
 *
 * @param stripComponents how many leading directories of each name to leave away
 * @throws ExecaError with tar's message.
 */
export async function unpackTarGz(archive: Buffer, into: string, stripComponents: number): Promise<void> {
  const args = ['-x', '-f', '-', '-C', into, `--strip-components=${stripComponents}`, '--no-same-owner'];
  await execa('tar', args, { input: gunzipSync(archive) });
}
