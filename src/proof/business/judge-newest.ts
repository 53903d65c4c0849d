import { seconds as inWords } from '../../schema/figures.js';
import type { Check } from '../../schema/results.js';
import type { Newest } from './business-schema.js';
import { parseMoment } from './moment.js';

type Judgement = Omit<Check, 'seconds'>;

export interface NewestReading {
  /** At the fence; undefined where the drill had another target. */
  source?: { newest: readonly Newest[]; leftOut: number } | undefined;
  restored: readonly Newest[];
  /** The moment that was restored, where it is known. */
  asOf?: string | undefined;
}

/**
 * The check `newest rows`, which needs no configuration: the newest value of every timestamp that leads an index, source against restored.
 * Row counts, the other figure that people look at first, are the check `content`'s.
 */
export function judgeNewest({ source, restored, asOf }: NewestReading): Judgement {
  const name = 'newest rows';
  const youngest = youngestOf(restored, asOf);
  if (source === undefined) {
    const summary = `Not compared: nothing is known of the source at this target.${youngest === undefined ? '' : ` ${youngest.text}`}`;
    return {
      name,
      status: 'unproven',
      summary,
      figures: { timestamps: restored.length, ...youngest?.figures },
      problems: [],
    };
  }
  const failures: Check['problems'] = [];
  const doubts: Check['problems'] = [];
  const others = new Map(restored.map((each) => [nameOf(each), each]));
  for (const before of source.newest) {
    const object = nameOf(before);
    const found = judgeOne(before, others.get(object));
    if (found !== undefined) (found.failed ? failures : doubts).push({ object, detail: found.detail });
  }
  const timestamps = source.newest.length;
  return {
    name,
    status: failures.length > 0 ? 'failed' : doubts.length > 0 ? 'unproven' : 'passed',
    summary:
      failures.length > 0
        ? `${failures.length} of ${timestamps} indexed timestamps do not end where the source’s do.`
        : doubts.length > 0
          ? `${doubts.length} of ${timestamps} indexed timestamps could not be compared; the others end where the source’s do.`
          : timestamps === 0
            ? 'No timestamp leads an index: there was nothing to look at.'
            : `${timestamps} indexed ${timestamps === 1 ? 'timestamp ends where the source’s does' : 'timestamps end where the source’s do'}.${youngest === undefined ? '' : ` ${youngest.text}`}`,
    figures: {
      timestamps,
      differing: failures.length,
      unproven: doubts.length,
      leftOut: source.leftOut,
      ...youngest?.figures,
    },
    problems: [...failures, ...doubts],
  };
}

function judgeOne(before: Newest, after: Newest | undefined): { failed: boolean; detail: string } | undefined {
  if (isUnread(before.newest))
    return { failed: false, detail: `cannot be read on the source: ${before.newest.reason}` };
  if (after === undefined) return { failed: true, detail: 'was not read in the restored database' };
  if (isUnread(after.newest)) {
    return {
      failed: after.newest.cause !== 'circumstance',
      detail: `cannot be read when restored: ${after.newest.reason}`,
    };
  }
  if (before.newest === after.newest) return undefined;
  return { failed: true, detail: `newest ${before.newest ?? 'none'} -> ${after.newest ?? 'none'}` };
}

/** A client’s clock may run ahead a little of the server’s. */
const secondMicros = 1_000_000n;

function youngestOf(
  restored: readonly Newest[],
  asOf: string | undefined,
): { text: string; figures: Check['figures'] } | undefined {
  const moment = asOf === undefined ? undefined : parseMoment(asOf);
  const dated = restored.flatMap((each) => {
    const at = each.zoned && typeof each.newest === 'string' ? parseMoment(each.newest) : undefined;
    // Dates in the future (bookings, expiries) say nothing of when a row was written.
    return at === undefined || (moment !== undefined && at > moment + secondMicros)
      ? []
      : [{ name: nameOf(each), text: each.newest as string, at }];
  });
  const [youngest] = dated.sort((a, b) => (a.at > b.at ? -1 : 1));
  if (youngest === undefined) return undefined;
  if (moment === undefined) return { text: `The youngest is ${youngest.name}: ${youngest.text}.`, figures: {} };
  const ageSeconds = Math.max(0, Number(moment - youngest.at) / 1_000_000);
  return {
    text: `The youngest, ${youngest.name}, lies ${inWords(ageSeconds)} before the moment that was restored.`,
    figures: { youngestAgeSeconds: ageSeconds },
  };
}

function isUnread(newest: Newest['newest']): newest is Exclude<Newest['newest'], string | null> {
  return typeof newest === 'object' && newest !== null;
}

function nameOf({ database, schema, table, column }: Newest): string {
  return `${database}.${schema}.${table}.${column}`;
}
