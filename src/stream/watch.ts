import { setTimeout as sleep } from 'node:timers/promises';

import { messageOf } from '../errors.js';
import { type Connection, connect } from '../postgres/connection.js';
import { lsnDistanceBytes } from '../postgres/lsn.js';
import { readSlot, type ReplicationSlot } from '../postgres/replication-slot.js';
import { withoutPageHeader } from '../postgres/wal-segment.js';
import type { StepContext } from '../process/step-context.js';
import { StreamRecord } from '../repository/stream-record.js';
import { bytes } from '../schema/figures.js';
import type { Alarms, StreamAlarm } from './alarms.js';
import { compressFinished } from './compress.js';
import { judgeSlot } from './judge-slot.js';
import type { Stream } from './stream.js';

const lookEveryMs = 1_000;
const compressEveryMs = 10_000;

/** A restart of the source takes seconds; what lasts longer than this is an alarm. */
export const defaultAlarmAfterMs = 60_000;

export interface WatchOptions {
  segmentSizeBytes: number;
  alarms: Alarms;
  /** How long a stream may stand before that is an alarm. */
  alarmAfterMs?: number;
}

/** Watches a stream while it runs: how far it is, how the slot stands, alarms; and compresses what is finished. */
export class StreamWatch {
  receivedLsn: string | undefined;
  private readonly ended = new AbortController();
  private readonly looking: Promise<unknown>;
  private client: Connection | undefined;
  private record: StreamRecord | undefined;
  private why = '';
  private standingSince: number | undefined = Date.now();

  constructor(
    private readonly stream: Stream,
    private readonly options: WatchOptions,
    private readonly context: StepContext,
  ) {
    this.looking = Promise.all([
      this.repeat(lookEveryMs, () => this.look()),
      stream.wal.compression === 'none' ? undefined : this.repeat(compressEveryMs, () => this.compress()),
    ]);
  }

  /** pg_receivewal has been started. */
  receiving(): void {
    this.why = 'it has just been started';
  }

  /** It does not run, and why. */
  down(why: string): void {
    this.why = why;
    this.standingSince ??= Date.now();
  }

  /** Unless the stream was told to stop, it looks once more: what ended it may be younger than the last look, and is an alarm. */
  async end(): Promise<void> {
    this.ended.abort();
    await this.looking;
    if (!this.context.signal.aborted) await this.look();
    await this.client?.end().catch(() => undefined);
  }

  private async repeat(everyMs: number, work: () => Promise<void>): Promise<void> {
    while (!this.ended.signal.aborted) {
      await work();
      await sleep(everyMs, undefined, { signal: this.ended.signal }).catch(() => undefined);
    }
  }

  private async look(): Promise<void> {
    let slot: ReplicationSlot | undefined;
    try {
      this.client ??= await connect(this.stream.connection);
      slot = await readSlot(this.client, this.stream.wal.slot);
    } catch (error) {
      this.why = messageOf(error).split('\n')[0] ?? '';
      await this.client?.end().catch(() => undefined);
      this.client = undefined;
    }
    if (this.context.signal.aborted) return;
    if (slot !== undefined) await this.keepRecord(slot);
    if (slot?.active === true && slot.writtenLsn !== null) await this.flowing(slot, slot.writtenLsn);
    else await this.standing(slot);
  }

  /** What cannot be kept, such as on a full disk, makes the figures larger that are made of it later: the stream goes on. */
  private async keepRecord({ at, insertLsn, writtenLsn, active }: ReplicationSlot): Promise<void> {
    try {
      this.record ??= await StreamRecord.open(this.stream.repository);
      const sourceLsn = withoutPageHeader(insertLsn, this.options.segmentSizeBytes);
      await this.record.look({ at, sourceLsn, writtenLsn: active ? writtenLsn : null });
    } catch {
      this.record = undefined;
    }
  }

  private async flowing(slot: ReplicationSlot, writtenLsn: string): Promise<void> {
    this.standingSince = undefined;
    this.receivedLsn = writtenLsn;
    const lagBytes = lsnDistanceBytes(writtenLsn, slot.flushLsn);
    const judged = judgeSlot(slot);
    this.context.progress({
      doing: `receiving WAL, ${lagBytes === 0 ? 'all there is' : `${bytes(lagBytes)} behind the source`}; ${judged.message}`,
      lsn: writtenLsn,
      lagBytes,
    });
    await this.tell({
      subject: 'stream',
      ...judged,
      figures: { receivedLsn: writtenLsn, lagBytes, heldBytes: slot.heldBytes ?? 0 },
    });
  }

  private async standing(slot: ReplicationSlot | undefined): Promise<void> {
    this.standingSince ??= Date.now();
    const seconds = Math.round((Date.now() - this.standingSince) / 1_000);
    const judged = slot === undefined ? undefined : judgeSlot(slot);
    const message = `No WAL has been received for ${seconds} s: ${this.why}`;
    this.context.progress({
      doing: `${message}${judged === undefined ? '' : `; ${judged.message}`}`,
      ...(this.receivedLsn === undefined ? {} : { lsn: this.receivedLsn }),
    });
    if (judged !== undefined && judged.kind !== 'ok')
      await this.tell({ subject: 'stream', ...judged, figures: { heldBytes: slot?.heldBytes ?? 0 } });
    else if (seconds * 1_000 >= (this.options.alarmAfterMs ?? defaultAlarmAfterMs))
      await this.tell({
        subject: 'stream',
        kind: 'wal_stream_down',
        severity: 'critical',
        message,
        figures: { seconds },
      });
  }

  /** What was not given is given at the next look. */
  private async tell(found: Omit<StreamAlarm, 'at'>): Promise<void> {
    await this.options.alarms.tell(found).catch(() => undefined);
  }

  private async compress(): Promise<void> {
    const { wal, walDirectory } = this.stream;
    if (wal.compression === 'none') return;
    try {
      await compressFinished(walDirectory, this.options.segmentSizeBytes, wal.compression, this.context.signal);
      const message = `${wal.compression} compresses`;
      await this.tell({ subject: 'compression', kind: 'ok', severity: 'info', message, figures: {} });
    } catch (error) {
      if (this.ended.signal.aborted || this.context.signal.aborted) return;
      await this.tell({
        subject: 'compression',
        kind: 'wal_compression_failed',
        severity: 'warning',
        message: messageOf(error),
        figures: {},
      });
    }
  }
}
