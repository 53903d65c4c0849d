import type { AlarmSubject, FoundStream } from '../schema/stream.js';

/** Something that a person should know of. */
export interface StreamAlarm extends FoundStream {
  at: string;
  figures: Record<string, string | number>;
}

/** Well again for this long, or it is not over: what comes and goes is one trouble. */
const calmAfterMs = 60_000;

interface Trouble {
  kinds: Set<string>;
  calmSince?: number;
}

/**
 * Gives each alarm once when it begins, and once when it has been over for a while. What a subject is found to be first is given in any case,
 * `ok` too: nobody else knows whether what an earlier attempt alarmed of is over.
 */
export class Alarms {
  private readonly troubles = new Map<AlarmSubject, Trouble | undefined>();
  private readonly calmMs: number;
  private readonly now: () => number;

  /** @param give may throw; then it is given again when the subject is looked at next. */
  constructor(
    private readonly give: (alarm: StreamAlarm) => Promise<void>,
    { calmMs = calmAfterMs, now = () => performance.now() }: { calmMs?: number; now?: () => number } = {},
  ) {
    this.calmMs = calmMs;
    this.now = now;
  }

  /** How a subject is found now. `found.kind` `ok`: well. */
  async tell(found: Omit<StreamAlarm, 'at'>): Promise<void> {
    const { subject, kind, message } = found;
    const trouble = this.troubles.get(subject);
    const alarm = { ...found, at: new Date().toISOString() };
    if (kind !== 'ok') {
      if (trouble?.kinds.has(kind) !== true) await this.give(alarm);
      this.troubles.set(subject, { kinds: new Set([...(trouble?.kinds ?? []), kind]) });
    } else if (trouble === undefined) {
      if (!this.troubles.has(subject)) await this.give(alarm);
      this.troubles.set(subject, undefined);
    } else if (trouble.calmSince === undefined) {
      this.troubles.set(subject, { ...trouble, calmSince: this.now() });
    } else if (this.now() - trouble.calmSince >= this.calmMs) {
      const was = [...trouble.kinds].join(', ');
      await this.give({
        ...alarm,
        kind: 'wal_stream_recovered',
        message: `The WAL stream is well again (it was: ${was}): ${message}`,
      });
      this.troubles.set(subject, undefined);
    }
  }
}
