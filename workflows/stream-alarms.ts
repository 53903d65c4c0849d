import type { AlarmSubject, FoundStream, StreamInput } from '../src/schema/stream.js';
import { tell } from './notify.js';
import type { RunProgress } from './progress.js';

/** What is told of a stream while it goes on. That a slot is lost ends the stream, which is told as its failure. */
const titles: Readonly<Record<string, string>> = {
  wal_stream_down: 'the WAL stream stands',
  wal_slot_lag: 'the WAL stream falls behind',
  wal_slot_unreserved: 'the WAL stream’s slot is about to be lost',
  wal_compression_failed: 'streamed WAL is not compressed',
};

/**
 * Tells people how a stream stands: each trouble once, and once that it is over, whatever attempts, workers and runs it lasts through. A
 * stream that an earlier attempt alarmed of, and that a new one finds well, is well again.
 */
export class StreamAlarms {
  private readonly standing: Map<AlarmSubject, string[]>;
  private telling: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly progress: RunProgress,
    standing: StreamInput['standing'] = {},
  ) {
    this.standing = new Map(Object.entries(standing) as [AlarmSubject, string[]][]);
  }

  found(found: FoundStream): void {
    const { subject, kind, severity, message } = found;
    const told = this.standing.get(subject);
    if (kind === 'ok' || kind === 'wal_stream_recovered') {
      if (told === undefined) return;
      this.standing.delete(subject);
      const text = kind === 'ok' ? `It was: ${told.map(titleOf).join(', ')}. Now: ${message}` : message;
      this.tell('info', 'the WAL stream is well again', text);
    } else if (told?.includes(kind) !== true && kind !== 'wal_slot_lost') {
      this.standing.set(subject, [...(told ?? []), kind]);
      this.tell(severity, titleOf(kind), message);
    }
  }

  /** Waits until all is told, by each channel for as long as `notify` tries. @returns what the next run has to know. */
  async settled(): Promise<Pick<StreamInput, 'standing'>> {
    await this.telling;
    return this.standing.size === 0 ? {} : { standing: Object.fromEntries(this.standing) };
  }

  /** In this order: that a stream is well again must not arrive before its alarm. */
  private tell(severity: FoundStream['severity'], title: string, text: string): void {
    const { cluster } = this.progress.state;
    this.telling = this.telling.then(() =>
      tell(this.progress.channels, cluster, {
        event: 'wal_stream',
        severity,
        title: `${cluster}: ${title}`,
        text,
        command: `pgdrill stream status ${cluster}`,
      }),
    );
  }
}

function titleOf(kind: string): string {
  return titles[kind] ?? kind;
}
