import { SourceNotReadyError } from '../errors.js';
import { makePrivateDirectory } from '../files/durable.js';
import { type Connection, fixHost, withConnection } from '../postgres/connection.js';
import { bigIntToLsn } from '../postgres/lsn.js';
import { dropSlot } from '../postgres/replication-slot.js';
import { readSource, type Source } from '../postgres/source.js';
import { segmentName } from '../postgres/wal-segment.js';
import type { StepContext } from '../process/step-context.js';
import { reapTool } from '../process/tool-lock.js';
import { claimFor } from '../repository/repository.js';
import { listWalFiles } from '../repository/wal-files.js';
import type { PreparedStream } from '../schema/stream.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { requireProgram } from './compress.js';
import { ensureSlot } from './ensure-slot.js';
import { resumeBehindGap } from './resume.js';
import { gapError, type Stream, streamLock, writeMark } from './stream.js';

/**
 * Makes everything ready for a stream, or refuses: another cluster, a server that archives into the same directory, a slot that is not ours,
 * WAL that the source has no longer. What it made is taken back when it refuses.
 */
export async function prepareStream(
  tools: PostgresTools,
  asked: Stream,
  acceptGap: boolean,
  context: StepContext,
): Promise<PreparedStream> {
  const stream = { ...asked, connection: await fixHost(asked.connection, context.signal) };
  const { wal, walDirectory } = stream;
  if (wal.compression !== 'none') await requireProgram(wal.compression, context.signal);
  await makePrivateDirectory(walDirectory);
  await reapTool(streamLock(stream)); // what a worker that is gone left running would hold the slot
  return await withConnection(
    stream.connection,
    async (client) => {
      const source = await readSource(client);
      await claimFor(stream.repository, source.systemIdentifier);
      await refuseArchiving(client, stream);
      const { slot, created } = await ensureSlot(
        client,
        stream,
        source.systemIdentifier,
        acceptGap ? 'renew' : 'refuse',
      );
      const newest = await newestSegment(walDirectory, source.walSegmentSizeBytes);
      const gap = newest === undefined ? undefined : await missingOnSource(client, source, newest);
      if (gap !== undefined && !acceptGap) {
        if (created) await takeBack(client, stream);
        throw gapError(stream, `it needs WAL segment ${gap} next, which the source has no longer.`);
      }
      if (gap !== undefined) await resumeBehindGap(tools, { stream, client, source, slot }, context);
      const warnings =
        slot.keepBytes === undefined
          ? [
              `max_slot_wal_keep_size is unlimited on the source: should this stream stand for long, slot ${slot.name} fills the source’s disk. Set it to what the disk can spare.`,
            ]
          : [];
      const fromLsn =
        newest === undefined ? undefined : bigIntToLsn((newest + 1n) * BigInt(source.walSegmentSizeBytes));
      return { slot: slot.name, created, warnings, ...(fromLsn === undefined || gap !== undefined ? {} : { fromLsn }) };
    },
    { signal: context.signal },
  );
}

async function takeBack(client: Connection, stream: Stream): Promise<void> {
  await dropSlot(client, stream.wal.slot);
  await writeMark(stream.repository, undefined);
}

/** Both would write the same files, and pg_receivewal begins behind the newest. */
async function refuseArchiving(client: Connection, { name, walDirectory }: Stream): Promise<void> {
  const { rows } = await client.query<{ archives: boolean }>(
    `select current_setting('archive_mode') <> 'off'
        and current_setting('archive_library') = 'basic_archive'
        and current_setting('basic_archive.archive_directory', true) = $1 as archives`,
    [walDirectory],
  );
  if (rows[0]?.archives !== true) return;
  throw new SourceNotReadyError({
    what: `The source archives into ${walDirectory} with basic_archive; the stream of ${name} would write the same files.`,
    means: 'Two writers in one archive spoil it.',
    todo: `Switch one of them off. For streaming: alter system reset archive_library; alter system reset basic_archive.archive_directory; select pg_reload_conf();`,
  });
}

/** The number of the newest finished segment: behind it pg_receivewal goes on. */
async function newestSegment(walDirectory: string, segmentSizeBytes: number): Promise<bigint | undefined> {
  let newest: bigint | undefined;
  for (const { number, form } of (await listWalFiles(walDirectory, segmentSizeBytes)).values())
    if (form !== 'partial' && (newest === undefined || number > newest)) newest = number;
  return newest;
}

/** The name of the segment behind the archive's newest, where the source has it no longer. */
async function missingOnSource(client: Connection, source: Source, newest: bigint): Promise<string | undefined> {
  const next = segmentName({ timeline: source.timeline, number: newest + 1n }, source.walSegmentSizeBytes);
  const { rows } = await client.query<{ here: boolean; ahead: boolean }>(
    `select exists (select from pg_ls_waldir() where substr(name, 9) = substr($1, 9) and length(name) = 24) as here,
            substr(pg_walfile_name(pg_current_wal_flush_lsn()), 9) < substr($1, 9) as ahead`,
    [next],
  );
  return rows[0]?.here === true || rows[0]?.ahead === true ? undefined : next;
}
