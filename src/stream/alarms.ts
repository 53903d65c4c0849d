/** Something that a person should know of, once a time that it begins. */
export interface StreamAlarm {
  kind: string;
  severity: 'info' | 'warning' | 'critical';
  message: string;
  at: string;
  figures: Record<string, string | number>;
}

/** What can be wrong with a stream, each by itself: one that is well does not end the other's alarm. */
export type Subject = 'stream' | 'compression';

/** Gives each alarm once when it begins, and once when it is over. */
export class Alarms {
  private readonly standing = new Map<Subject, string>();

  constructor(private readonly give: (alarm: StreamAlarm) => Promise<void>) {}

  /** How a subject is found now. `found.kind` `ok`: well. */
  async tell(subject: Subject, found: Omit<StreamAlarm, 'at'>): Promise<void> {
    const before = this.standing.get(subject) ?? 'ok';
    if (found.kind === before) return;
    this.standing.set(subject, found.kind);
    const over = found.kind === 'ok';
    await this.give({
      ...found,
      kind: over ? 'wal_stream_recovered' : found.kind,
      message: over ? `The WAL stream is well again (it was: ${before}): ${found.message}` : found.message,
      at: new Date().toISOString(),
    });
  }
}
