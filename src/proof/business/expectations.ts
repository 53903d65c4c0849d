import { seconds as inWords } from '../../schema/figures.js';
import type { Expectation } from '../../schema/business-check.js';
import { parseDurationMs } from '../../schema/primitives.js';
import type { Check } from '../../schema/results.js';
import { type Answer, describeAnswer } from './answer.js';
import {
  absoluteDecimal,
  compareDecimal,
  type Decimal,
  formatDecimal,
  multiplyDecimal,
  parseDecimal,
  subtractDecimal,
} from './decimal.js';
import { parseMoment } from './moment.js';

/** One kind of expectation, held against an answer. `judge-business.ts` puts the two sides together. */
export type Judgement = Pick<Check, 'status' | 'summary' | 'figures'>;

export function judgeEquals(restored: Answer, source: Answer | undefined): Judgement {
  const shown = describeAnswer(restored);
  if (source === undefined)
    return unproven(`Not compared: nothing is known of the source at this target. Here: ${shown}.`);
  if (restored.digest === source.digest) return passed(`${shown}, as on the source.`);
  return failed(`${shown}, where the source answered ${describeAnswer(source)}.`);
}

export function judgeValue(expected: Exclude<Expectation['value'], undefined>, answer: Answer): Judgement {
  const unfit = unfitFor(answer);
  if (unfit !== undefined) return unproven(unfit);
  if (answer.rows === 1 && isSame(expected, answer)) return passed(`${describeAnswer(answer)}, as expected.`);
  // What a text is expected to be may be as private as the text.
  const wanted = expected === null ? 'NULL' : answer.kind === 'other' ? 'another value' : String(expected);
  return failed(`${describeAnswer(answer)}, where ${wanted} was expected.`);
}

function isSame(expected: Exclude<Expectation['value'], undefined>, { kind, value }: Answer): boolean {
  if (expected === null || value === null || value === undefined) return expected === value;
  const text = String(expected);
  if (kind === 'boolean') return (value === 't' ? ['true', 't'] : ['false', 'f']).includes(text.toLowerCase());
  if (kind === 'number') {
    const [a, b] = [parseDecimal(text), parseDecimal(value)];
    return a !== undefined && b !== undefined ? compareDecimal(a, b) === 0 : text === value;
  }
  if (kind === 'timestamp' || kind === 'timestamptz') {
    const zone = kind === 'timestamp' ? 'Z' : '';
    const [a, b] = [parseMoment(text + zone), parseMoment(value + zone)];
    return a !== undefined && b !== undefined ? a === b : text === value;
  }
  return text === value;
}

export function judgeRange({ min, max }: Exclude<Expectation['range'], undefined>, answer: Answer): Judgement {
  const unfit = unfitFor(answer, 'number');
  if (unfit !== undefined) return unproven(unfit);
  const wanted =
    min === undefined ? `at most ${String(max)}` : max === undefined ? `at least ${min}` : `${min} to ${max}`;
  const number = numberOf(answer);
  const within =
    number !== undefined &&
    (min === undefined || compareDecimal(number, decimalOf(min)) >= 0) &&
    (max === undefined || compareDecimal(number, decimalOf(max)) <= 0);
  const summary = `${describeAnswer(answer)}; expected: ${wanted}.`;
  return within ? passed(summary) : failed(summary);
}

export function judgeAge(limit: string, answer: Answer, asOf: string | undefined): Judgement {
  const unfit = unfitFor(answer, 'timestamptz');
  if (unfit !== undefined) return unproven(unfit);
  const shown = describeAnswer(answer);
  if (typeof answer.value !== 'string') return failed(`${shown}: there is no newest row.`);
  const at = parseMoment(answer.value);
  if (at === undefined) return unproven(`${shown} is no moment on the calendar.`);
  const moment = asOf === undefined ? undefined : parseMoment(asOf);
  if (moment === undefined)
    return unproven(`${shown}. No commit was replayed, so which moment was restored is not known.`);
  // The moment is known to the millisecond, the answer to the microsecond.
  const micros = at - moment < 1_000n && at > moment ? 0n : moment - at;
  const ageSeconds = Number(micros) / 1_000_000;
  const limitSeconds = (parseDurationMs(limit) ?? 0) / 1_000;
  const figures = { ageSeconds };
  const place = `${inWords(Math.abs(ageSeconds))} ${ageSeconds < 0 ? 'after' : 'before'} the moment that was restored`;
  const summary = `${shown}, ${place}; expected: at most ${limit} before.`;
  if (ageSeconds > limitSeconds) return { status: 'failed', summary, figures };
  // A clock that runs ahead a little is no harm; a date far in the future hides how old the newest row is.
  if (-ageSeconds > limitSeconds) return { status: 'unproven', summary, figures };
  return { status: 'passed', summary, figures };
}

export function judgeRows(tolerance: number | string, restored: Answer, source: Answer | undefined): Judgement {
  const shown = describeAnswer(restored);
  if (source === undefined)
    return unproven(`Not compared: nothing is known of the source at this target. Here: ${shown}.`);
  const theirs = numberOf(source);
  if (theirs === undefined) {
    return unproven(unfitFor(source, 'number') ?? `The source answered ${describeAnswer(source)}, which is no count.`);
  }
  const ours = numberOf(restored);
  if (ours === undefined) return failed(`${shown}, where the source answered ${describeAnswer(source)}.`);
  const apart = absoluteDecimal(subtractDecimal(ours, theirs));
  const text = String(tolerance);
  const summary = `${shown}, and ${describeAnswer(source)} on the source: ${formatDecimal(apart)} apart; expected: at most ${text}.`;
  const within = text.endsWith('%')
    ? compareDecimal(
        multiplyDecimal(apart, decimalOf(100)),
        multiplyDecimal(absoluteDecimal(theirs), decimalOf(text.slice(0, -1))),
      ) <= 0
    : compareDecimal(apart, decimalOf(text)) <= 0;
  return within ? passed(summary) : failed(summary);
}

/** Why an answer is none that the expectation could be held against. No row and NULL are answers. */
function unfitFor(answer: Answer, wanted?: 'number' | 'timestamptz'): string | undefined {
  if (answer.rows > 1 || answer.columns !== 1) {
    return `The answer is ${describeAnswer(answer)}; this expectation is for one value.`;
  }
  if (wanted === undefined || answer.kind === wanted) return undefined;
  if (wanted === 'number') return 'The answer is no number: this expectation is for one.';
  const cast = answer.kind === 'timestamp' ? `, such as with: at time zone 'Europe/Berlin'` : '';
  return `The answer is no timestamp with time zone; let the query make one of it${cast}.`;
}

function numberOf(answer: Answer): Decimal | undefined {
  return answer.kind === 'number' && typeof answer.value === 'string' ? parseDecimal(answer.value) : undefined;
}

/** The schema has let only numbers through. */
function decimalOf(value: number | string): Decimal {
  const decimal = parseDecimal(String(value));
  if (decimal === undefined) throw new TypeError(`not a number: ${value}`);
  return decimal;
}

function passed(summary: string): Judgement {
  return { status: 'passed', summary, figures: {} };
}

function failed(summary: string): Judgement {
  return { status: 'failed', summary, figures: {} };
}

export function unproven(summary: string): Judgement {
  return { status: 'unproven', summary, figures: {} };
}
