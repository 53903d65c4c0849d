import type { BusinessCheck } from '../../schema/business-check.js';
import type { Check } from '../../schema/results.js';
import { type Answer, describeAnswer, isAnswer, type NoAnswer } from './answer.js';
import { judgeAge, judgeEquals, judgeRange, judgeRows, judgeValue, type Judgement, unproven } from './expectations.js';

export interface BusinessQuestion {
  expect: BusinessCheck['expect'];
  /** At the fence; undefined where the drill had another target. */
  source?: Answer | NoAnswer | undefined;
  restored: Answer | NoAnswer;
  /** The moment that was restored: the fence's, or the target's, where it is known. */
  asOf?: string | undefined;
}

/**
 * Judges one business check. What the source could not answer either, or nobody could, is unproven; what only the restored database
 * cannot answer has failed, unless it was only too slow.
 */
export function judgeBusiness(question: BusinessQuestion): Judgement {
  const { source, restored } = question;
  if (source !== undefined && !isAnswer(source)) return unproven(`The source could not answer: ${source.reason}.`);
  if (!isAnswer(restored)) return judgeSilence(source, restored);
  const judged = judgeAnswer(question, restored, source);
  const figures = { ...figuresOf('answer', restored), ...(source === undefined ? {} : figuresOf('source', source)) };
  return { ...judged, figures: { ...figures, ...judged.figures } };
}

function judgeSilence(source: Answer | undefined, { cause, reason }: NoAnswer): Judgement {
  const figures = source === undefined ? {} : figuresOf('source', source);
  const summary = `The restored database could not answer: ${reason}.`;
  if (cause === 'circumstance') return { status: 'unproven', summary, figures };
  if (source !== undefined) {
    return { status: 'failed', summary: `${summary} The source answered: ${describeAnswer(source)}.`, figures };
  }
  if (cause === 'damage') return { status: 'failed', summary, figures };
  return { status: 'unproven', summary: `${summary} Whether the source could is not known.`, figures };
}

function judgeAnswer(question: BusinessQuestion, restored: Answer, source: Answer | undefined): Judgement {
  const { expect } = question;
  if (expect.equals !== undefined) return judgeEquals(restored, source);
  if (expect.rows !== undefined) return judgeRows(expect.rows.tolerance, restored, source);
  const judge = (answer: Answer): Judgement =>
    expect.range !== undefined
      ? judgeRange(expect.range, answer)
      : expect.max_age !== undefined
        ? judgeAge(expect.max_age, answer, question.asOf)
        : judgeValue(expect.value ?? null, answer);
  const judged = judge(restored);
  if (source === undefined || judged.status === 'passed') return judged;
  if (source.digest !== restored.digest) {
    const summary = `${judged.summary} The source answered at the fence: ${describeAnswer(source)}.`;
    // A question of the wrong kind is nobody's failure; one that has the right kind on the source, and here not, is.
    return { ...judged, status: judge(source).status === 'passed' ? 'failed' : judged.status, summary };
  }
  if (judged.status === 'unproven') return judged;
  // The data may be bad while its restore is good: that sends people to another place.
  const summary = `${judged.summary} The source answered the same at the fence: look at the data, not at the backup.`;
  return { ...judged, summary };
}

/** What may be shown of an answer: a number as one where nothing is lost. */
function figuresOf(name: 'answer' | 'source', answer: Answer): Check['figures'] {
  const shown = describeAnswer(answer);
  return { [name]: answer.kind === 'number' && String(Number(shown)) === shown ? Number(shown) : shown };
}
