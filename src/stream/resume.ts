import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { renameDurably, makePrivateDirectory } from '../files/durable.js';
import type { Connection } from '../postgres/connection.js';
import { bigIntToLsn } from '../postgres/lsn.js';
import { runReceiveWal } from '../postgres/receivewal.js';
import type { ReplicationSlot } from '../postgres/replication-slot.js';
import type { Source } from '../postgres/source.js';
import { parseSegmentName, segmentNumberOf } from '../postgres/wal-segment.js';
import type { StepContext } from '../process/step-context.js';
import { forgetStreamRecord } from '../repository/stream-record.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { type Stream, streamLock } from './stream.js';

/**
 * Begins anew behind a gap. pg_receivewal always goes on behind its directory's newest segment, so the first whole one that the slot still
 * has is received into an empty directory and moved into the archive: from there it goes on as always.
 */
export async function resumeBehindGap(
  tools: PostgresTools,
  known: { stream: Stream; client: Connection; source: Source; slot: ReplicationSlot },
  context: StepContext,
): Promise<void> {
  const { stream, client, source, slot } = known;
  context.progress({ doing: 'receiving the first segment behind the gap' });
  const staging = stream.repository.storage.pathOf('stream-resume');
  await rm(staging, { recursive: true, force: true });
  await makePrivateDirectory(staging);
  try {
    const size = source.walSegmentSizeBytes;
    const end = (segmentNumberOf(slot.restartLsn ?? slot.flushLsn, size) + 1n) * BigInt(size);
    await forgetStreamRecord(stream.repository);
    await client.query(`select pg_create_restore_point('pgdrill-stream'); select pg_switch_wal()`);
    await runReceiveWal(
      tools,
      {
        connection: stream.connection,
        directory: staging,
        slot: slot.name,
        synchronous: false,
        lockPath: streamLock(stream),
        endpos: bigIntToLsn(end - 1n),
      },
      context,
    );
    for (const name of (await readdir(staging)).sort())
      if (parseSegmentName(name, size) !== undefined || name.endsWith('.history'))
        await renameDurably(join(staging, name), join(stream.walDirectory, name));
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}
