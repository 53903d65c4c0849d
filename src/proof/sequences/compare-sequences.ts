import { compareLsn } from '../../postgres/lsn.js';
import type { Check } from '../../schema/results.js';
import { databasePairs } from '../content/compare-content.js';
import type { ClusterFingerprint, DatabaseFingerprint, SequenceState } from '../fingerprint-schema.js';
import { judgeSequence, type SequenceJudgement } from './judge-sequence.js';

interface Judged extends SequenceJudgement {
  object: string;
}

/**
 * The check `sequences`, by the rule of `judgeSequence`. Whether a sequence exists at all is the schema check's question, at the
 * snapshot; here only those are judged that both of the source's readings know.
 *
 * @param cutLsn where the fence cut the WAL. A commit that was long under way (waiting for a standby) can put it before the
 *   source's first reading; then a sequence may rightly be behind that reading, and is unproven instead of failed.
 */
export function compareSequences(
  source: ClusterFingerprint,
  restored: ClusterFingerprint,
  cutLsn?: string,
): Omit<Check, 'seconds'> {
  const judged = databasePairs(source, restored).flatMap(({ before, after }) =>
    before === undefined || after === undefined ? [] : judgeDatabase(before, after, cutLsn),
  );
  const failures = judged.filter(({ status }) => status === 'failed');
  const doubts = judged.filter(({ status }) => status === 'unproven');
  return {
    name: 'sequences',
    status: failures.length > 0 ? 'failed' : doubts.length > 0 ? 'unproven' : 'passed',
    summary:
      failures.length > 0
        ? `${failures.length} of ${judged.length} sequences do not continue the source's.`
        : doubts.length > 0
          ? `${doubts.length} of ${judged.length} sequences could not be judged; the others continue the source's.`
          : judged.length === 0
            ? 'There are no sequences.'
            : `${judged.length} sequences continue the source's (they may run ahead by what PostgreSQL logs ahead).`,
    figures: { sequences: judged.length, differing: failures.length, unproven: doubts.length },
    problems: [...failures, ...doubts].map(({ object, detail }) => ({ object, detail })),
  };
}

function judgeDatabase(
  source: DatabaseFingerprint,
  restored: DatabaseFingerprint,
  cutLsn: string | undefined,
): Judged[] {
  const second = source.sequencesAfter ?? source.sequences;
  const cutBeforeReading = cutLsn !== undefined && compareLsn(cutLsn, source.sequences.lsn) < 0;
  const judged: Judged[] = [];
  const [inFirst, inSecond, inRestored] = [source.sequences, second, restored.sequences].map(({ states }) =>
    finderIn(states),
  ) as [Finder<SequenceState>, Finder<SequenceState>, Finder<SequenceState>];
  const hiddenInFirst = finderIn(source.sequences.unreadable);
  const hiddenInRestored = finderIn(restored.sequences.unreadable);
  for (const before of source.sequences.states) {
    const object = nameOf(source.database, before);
    const after = inSecond(before);
    const actual = inRestored(before);
    if (after === undefined) {
      if (actual !== undefined) judged.push(unproven(object, 'it was dropped or renamed on the source meanwhile'));
      continue;
    }
    const hidden = hiddenInRestored(before);
    if (hidden !== undefined) judged.push(unproven(object, `cannot be read when restored: ${hidden.message}`));
    else if (actual === undefined) judged.push({ object, status: 'failed', detail: 'is missing' });
    else judged.push({ object, ...excuse(judgeSequence(before, after, actual), cutBeforeReading) });
  }
  for (const actual of restored.sequences.states.filter((state) => !inFirst(state))) {
    // Also those that the first reading could not see (next loop): they are named once.
    if (hiddenInFirst(actual) !== undefined) continue;
    judged.push(unproven(nameOf(source.database, actual), 'it was not there yet when the source was first read'));
  }
  for (const hidden of source.sequences.unreadable) {
    judged.push(unproven(nameOf(source.database, hidden), `cannot be read on the source: ${hidden.message}`));
  }
  return judged;
}

function excuse(judgement: SequenceJudgement, cutBeforeReading: boolean): SequenceJudgement {
  if (judgement.status !== 'failed' || !cutBeforeReading) return judgement;
  return { status: 'unproven', detail: `the fence lies before the first reading of the source: ${judgement.detail}` };
}

type Name = Pick<SequenceState, 'schema' | 'name'>;
type Finder<T> = (wanted: Name) => T | undefined;

/** There may be a sequence for each of 20,000 tables: looking through the list for each of them would take minutes. */
function finderIn<T extends Name>(all: readonly T[]): Finder<T> {
  const keyOf = ({ schema, name }: Name): string => JSON.stringify([schema, name]);
  const byName = new Map(all.map((each) => [keyOf(each), each]));
  return (wanted) => byName.get(keyOf(wanted));
}

function nameOf(database: string, { schema, name }: { schema: string; name: string }): string {
  return `${database}.${schema}.${name}`;
}

function unproven(object: string, detail: string): Judged {
  return { object, status: 'unproven', detail };
}
