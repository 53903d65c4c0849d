import { describeArchiver } from '../postgres/archiver.js';
import type { Connection } from '../postgres/connection.js';
import type { Wal } from '../repository/wal-mode.js';
import { describeStream } from './stream.js';

/** Why WAL may not arrive, as the source sees it, in a sentence. */
export async function explainNoArrival(client: Connection, wal: Wal | undefined): Promise<string> {
  if (wal?.mode === 'stream') return await describeStream(client, wal);
  return await describeArchiver(client);
}
