import { setTimeout as sleep } from 'node:timers/promises';

import { withConnection } from '../postgres/connection.js';
import { dropSlot, readSlot } from '../postgres/replication-slot.js';
import { reapTool } from '../process/tool-lock.js';
import { readMark, type Stream, streamLock, writeMark } from './stream.js';

/**
 * Ends a stream: its pg_receivewal, and its slot unless that is to be kept. A slot that is not known to be ours is left alone.
 *
 * @returns whether the slot is gone.
 */
export async function endStream(stream: Stream, drop: boolean, signal: AbortSignal): Promise<boolean> {
  await reapTool(streamLock(stream));
  if (!drop) return false;
  const name = stream.wal.slot;
  if ((await readMark(stream.repository))?.slot !== name) return false;
  await withConnection(
    stream.connection,
    async (client) => {
      // The server notices a moment later that the receiver is gone.
      for (let waited = 0; waited < 15 && (await readSlot(client, name))?.active === true; waited += 1)
        await sleep(1_000);
      await dropSlot(client, name);
    },
    { signal },
  );
  await writeMark(stream.repository, undefined);
  return true;
}
