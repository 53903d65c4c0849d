import { describe, expect, it } from 'vitest';

import { type Answer, answerOf, type NoAnswer } from '../../../src/proof/business/answer.js';
import { judgeBusiness } from '../../../src/proof/business/judge-business.js';
import { type Expectation, expectationSchema } from '../../../src/schema/business-check.js';

const oids = {
  bigint: 20,
  numeric: 1700,
  float: 701,
  boolean: 16,
  timestamptz: 1184,
  timestamp: 1114,
  date: 1082,
  text: 25,
};
const asOf = '2026-11-24T12:00:00.000Z';

function one(type: keyof typeof oids, value: string | null): Answer {
  return answerOf([oids[type]], [[value]]);
}
const noRow = (type: keyof typeof oids): Answer => answerOf([oids[type]], []);
const rows = (...values: string[]): Answer =>
  answerOf(
    [oids.text, oids.bigint],
    values.map((value) => [value, '1']),
  );
const refusal: NoAnswer = { cause: 'refusal', reason: 'relation "t" does not exist' };
const timeout: NoAnswer = { cause: 'circumstance', reason: 'too slow' };
const damage: NoAnswer = { cause: 'damage', reason: 'invalid page' };

function judge(
  expectation: Expectation,
  restored: Answer | NoAnswer,
  source?: Answer | NoAnswer,
  at: string | undefined = asOf,
) {
  return judgeBusiness({ expect: expectationSchema.parse(expectation), restored, source, asOf: at });
}

describe('equals source', () => {
  it.each([
    ['passed', one('numeric', '1.50'), one('numeric', '1.50'), '1.50, as on the source.'],
    ['failed', one('numeric', '1.50'), one('numeric', '1.5'), '1.50, where the source answered 1.5.'],
    ['failed', one('bigint', '12'), one('bigint', '13'), '12, where the source answered 13.'],
    ['passed', one('text', null), one('text', null), 'NULL, as on the source.'],
    ['failed', one('bigint', null), one('bigint', '0'), 'NULL, where the source answered 0.'],
    ['failed', noRow('bigint'), one('bigint', null), 'no row, where the source answered NULL.'],
    ['passed', noRow('bigint'), noRow('bigint'), 'no row, as on the source.'],
    ['failed', one('bigint', '1'), one('text', '1'), /^1, where the source answered 1 row of 1 column/],
    ['passed', rows('b', 'a'), rows('a', 'b'), /^2 rows of 2 columns \(SHA-256 \w{12}…\), as on the source/],
    ['failed', rows('a', 'a'), rows('a', 'b'), /^2 rows .* where the source answered 2 rows/],
    ['failed', rows('a'), rows('a', 'a'), /^1 row .* where the source answered 2 rows/],
    ['passed', one('boolean', 't'), one('boolean', 't'), 'true, as on the source.'],
    [
      'unproven',
      one('bigint', '12'),
      undefined,
      'Not compared: nothing is known of the source at this target. Here: 12.',
    ],
  ] as const)('is %s (%#)', (status, restored, source, summary) => {
    const judged = judge({ equals: 'source' }, restored, source);
    expect(judged.status).toBe(status);
    expect(judged.summary).toMatch(typeof summary === 'string' ? new RegExp(`^${escape(summary)}$`) : summary);
  });

  it('a column that holds the separator of another is not that other', () => {
    const [a, b] = [answerOf([25, 25], [['x","y', 'z']]), answerOf([25, 25], [['x', 'y","z']])];
    expect(judge({ equals: 'source' }, a, b).status).toBe('failed');
    expect(judge({ equals: 'source' }, answerOf([25], [['null']]), answerOf([25], [[null]])).status).toBe('failed');
  });
});

describe('a value', () => {
  it.each([
    ['passed', 0, one('bigint', '0')],
    ['passed', 12.5, one('numeric', '12.50')],
    ['passed', '12345678901234567890.10', one('numeric', '12345678901234567890.1')],
    ['failed', '12345678901234567890.1', one('numeric', '12345678901234567891.1')],
    ['passed', 1e20 / 1e18, one('float', '1e+02')],
    ['passed', 'NaN', one('float', 'NaN')],
    ['failed', 0, one('float', 'NaN')],
    ['passed', true, one('boolean', 't')],
    ['failed', true, one('boolean', 'f')],
    ['failed', 'yes', one('boolean', 't')],
    ['passed', 'ok', one('text', 'ok')],
    ['failed', 'ok', one('text', 'ok ')],
    ['passed', '1', one('text', '1')],
    ['passed', null, one('text', null)],
    ['failed', null, one('text', '')],
    ['failed', null, noRow('text')],
    ['failed', 0, noRow('bigint')],
    ['failed', 0, one('bigint', null)],
    ['passed', '2026-01-01 01:00+01', one('timestamptz', '2026-01-01 00:00:00+00')],
    ['failed', '2026-01-01 01:00+00', one('timestamptz', '2026-01-01 00:00:00+00')],
    ['passed', '2026-01-01T00:00:00', one('timestamp', '2026-01-01 00:00:00')],
    ['passed', 'infinity', one('timestamptz', 'infinity')],
    ['passed', '2026-01-01', one('date', '2026-01-01')],
    ['unproven', 0, rows('a', 'b')],
    ['unproven', 0, rows('a')],
  ] as const)('%s: %j', (status, value, restored) => {
    expect(judge({ value }, restored).status).toBe(status);
  });

  it('is not shown where it may be a person’s', () => {
    const judged = judge({ value: 'Ada' }, one('text', 'Grace'), one('text', 'Ada'));
    expect(judged.status).toBe('failed');
    expect(JSON.stringify(judged)).not.toMatch(/Ada|Grace/);
    expect(judged.summary).toMatch(/^1 row of 1 column \(SHA-256 .*\), where another value was expected\./);
  });

  it('that the source gets wrong as well sends people to the data', () => {
    const judged = judge({ value: 0 }, one('bigint', '3'), one('bigint', '3'));
    expect(judged).toEqual({
      status: 'failed',
      summary:
        '3, where 0 was expected. The source answered the same at the fence: look at the data, not at the backup.',
      figures: { answer: 3, source: 3 },
    });
    expect(judge({ value: 0 }, one('bigint', '3'), one('bigint', '0')).summary).toBe(
      '3, where 0 was expected. The source answered at the fence: 0.',
    );
  });
});

describe('a range', () => {
  it.each([
    ['passed', { min: 1, max: 3 }, one('bigint', '1'), '1; expected: 1 to 3.'],
    ['passed', { min: 1, max: 3 }, one('numeric', '3.000'), '3.000; expected: 1 to 3.'],
    ['failed', { min: 1, max: 3 }, one('numeric', '3.001'), '3.001; expected: 1 to 3.'],
    ['failed', { min: 1 }, one('bigint', '-1'), '-1; expected: at least 1.'],
    ['passed', { max: '0.5' }, one('numeric', '0.50'), '0.50; expected: at most 0.5.'],
    ['failed', { min: 1 }, one('bigint', null), 'NULL; expected: at least 1.'],
    ['failed', { min: 1 }, noRow('bigint'), 'no row; expected: at least 1.'],
    ['failed', { min: 1 }, one('float', 'NaN'), 'NaN; expected: at least 1.'],
    ['failed', { max: 1 }, one('float', 'Infinity'), 'Infinity; expected: at most 1.'],
    ['unproven', { min: 1 }, one('text', '5'), 'The answer is no number: this expectation is for one.'],
  ] as const)('%s: %j', (status, range, restored, summary) => {
    expect(judge({ range }, restored)).toMatchObject({ status, summary });
  });

  it('that only the restored database answers with something else than a number has failed', () => {
    expect(judge({ range: { min: 1 } }, one('text', 'many'), one('bigint', '5')).status).toBe('failed');
    expect(judge({ range: { min: 1 } }, one('text', 'many'), one('text', 'few')).status).toBe('unproven');
  });
});

describe('a maximum age', () => {
  it.each([
    ['passed', '2026-11-24 11:45:00+00'],
    ['failed', '2026-11-24 11:44:59.999999+00'],
    ['passed', '2026-11-24 13:00:00+01'],
    ['passed', '2026-11-24 12:00:00.000999+00'],
    ['passed', '2026-11-24 12:15:00+00'],
    ['unproven', '2026-11-24 12:15:00.001+00'],
    ['unproven', '9999-12-31 00:00:00+00'],
    ['unproven', 'infinity'],
    ['unproven', '10000-01-01 00:00:00+00'],
    ['failed', null],
  ])('%s: newest row of %s, restored to noon', (status, newest) => {
    expect(judge({ max_age: '15m' }, one('timestamptz', newest)).status).toBe(status);
  });

  it('is told with the age', () => {
    expect(judge({ max_age: '15m' }, one('timestamptz', '2026-11-24 11:59:30+00'))).toEqual({
      status: 'passed',
      summary: '2026-11-24 11:59:30+00, 30.0 s before the moment that was restored; expected: at most 15m before.',
      figures: { answer: '2026-11-24 11:59:30+00', ageSeconds: 30 },
    });
  });

  it('cannot be told without a time zone, nor where no moment is known', () => {
    expect(judge({ max_age: '15m' }, one('timestamp', '2026-11-24 11:59:30'))).toMatchObject({
      status: 'unproven',
      summary: expect.stringContaining('at time zone') as string,
    });
    expect(judge({ max_age: '15m' }, one('date', '2026-11-24')).status).toBe('unproven');
    const unknown = { expect: { max_age: '15m' }, restored: one('timestamptz', '2026-11-24 11:59:30+00') };
    expect(judgeBusiness(unknown)).toMatchObject({
      status: 'unproven',
      summary: expect.stringContaining('which moment was restored is not known') as string,
    });
  });
});

describe('a row count with a tolerance', () => {
  it.each([
    ['passed', 5, '1005', '1000'],
    ['passed', 5, '995', '1000'],
    ['failed', 5, '994', '1000'],
    ['passed', 0, '1000', '1000'],
    ['failed', 0, '999', '1000'],
    ['passed', '1%', '990', '1000'],
    ['failed', '1%', '989', '1000'],
    ['passed', '0.5%', '1005', '1000'],
    ['failed', '0.5%', '1006', '1000'],
    ['failed', '50%', '1', '0'],
    ['passed', '50%', '0', '0'],
    ['failed', '1%', null, '1000'],
    ['unproven', '1%', '1000', null],
  ])('%s: at most %s, %s against %s', (status, tolerance, restored, source) => {
    expect(judge({ rows: { tolerance } }, one('bigint', restored), one('bigint', source)).status).toBe(status);
  });

  it('says how far they are apart', () => {
    expect(judge({ rows: { tolerance: '1%' } }, one('bigint', '990'), one('bigint', '1000')).summary).toBe(
      '990, and 1000 on the source: 10 apart; expected: at most 1%.',
    );
  });

  it('needs the source, and a number of it', () => {
    expect(judge({ rows: { tolerance: 1 } }, one('bigint', '5')).status).toBe('unproven');
    expect(judge({ rows: { tolerance: 1 } }, one('text', '5'), one('text', '5')).status).toBe('unproven');
    expect(judge({ rows: { tolerance: 1 } }, one('text', '5'), one('bigint', '5')).status).toBe('failed');
  });
});

describe('no answer', () => {
  const expectations: Expectation[] = [
    { equals: 'source' },
    { value: 1 },
    { range: { min: 1 } },
    { max_age: '1m' },
    { rows: { tolerance: 1 } },
  ];
  it.each(expectations)('for %j: of the source is unproven, of the restored database alone failed', (expectation) => {
    expect(judge(expectation, one('bigint', '1'), refusal)).toMatchObject({
      status: 'unproven',
      summary: 'The source could not answer: relation "t" does not exist.',
    });
    expect(judge(expectation, refusal, refusal).status).toBe('unproven');
    expect(judge(expectation, refusal, one('bigint', '1'))).toMatchObject({
      status: 'failed',
      summary: 'The restored database could not answer: relation "t" does not exist. The source answered: 1.',
    });
    expect(judge(expectation, damage, one('bigint', '1')).status).toBe('failed');
    expect(judge(expectation, timeout, one('bigint', '1')).status).toBe('unproven');
    expect(judge(expectation, one('bigint', '1'), timeout).status).toBe('unproven');
  });

  it('where the source was not asked is unproven, unless a page is broken', () => {
    expect(judge({ value: 1 }, refusal).status).toBe('unproven');
    expect(judge({ value: 1 }, timeout).status).toBe('unproven');
    expect(judge({ value: 1 }, damage).status).toBe('failed');
  });
});

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
