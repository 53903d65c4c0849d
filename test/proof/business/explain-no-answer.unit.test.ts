import { describe, expect, it } from 'vitest';

import { explainNoAnswer } from '../../../src/proof/business/explain-no-answer.js';

function thrown(code: string | undefined, message: string): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code });
}

describe('an error in place of an answer', () => {
  it.each([
    ['refusal', '42P01', 'relation "t" does not exist', 'relation "t" does not exist (SQLSTATE 42P01)'],
    [
      'refusal',
      '25006',
      'cannot execute INSERT in a read-only transaction',
      'cannot execute INSERT in a read-only transaction (SQLSTATE 25006)',
    ],
    [
      'refusal',
      '22P02',
      'invalid input syntax for type integer: "Ada"',
      'an error that may quote data (SQLSTATE 22P02)',
    ],
    ['refusal', '23505', 'Key (name)=(Ada) already exists', 'an error that may quote data (SQLSTATE 23505)'],
    ['refusal', 'P0001', 'Ada is not allowed', 'an error that may quote data (SQLSTATE P0001)'],
    [
      'circumstance',
      '57014',
      'canceling statement due to statement timeout',
      'canceling statement due to statement timeout (SQLSTATE 57014); its timeout is 1.5 s',
    ],
    [
      'circumstance',
      '55P03',
      'canceling statement due to lock timeout',
      'canceling statement due to lock timeout (SQLSTATE 55P03)',
    ],
    ['circumstance', '53200', 'out of memory', 'out of memory (SQLSTATE 53200)'],
    [
      'circumstance',
      '58P01',
      'could not access file "$libdir/postgis-3"',
      'could not access file "$libdir/postgis-3" (SQLSTATE 58P01); this server lacks the library of an extension',
    ],
    ['damage', '58P01', 'could not open file "base/5/16384"', 'could not open file "base/5/16384" (SQLSTATE 58P01)'],
    ['damage', 'XX001', 'invalid page in block 7', 'invalid page in block 7 (SQLSTATE XX001)'],
    [
      'damage',
      'XX002',
      'index "i" contains unexpected zero page',
      'index "i" contains unexpected zero page (SQLSTATE XX002)',
    ],
  ])('is a %s for SQLSTATE %s, “%s”', (cause, code, message, reason) => {
    expect(explainNoAnswer(thrown(code, message), 1_500)).toEqual({ cause, reason });
  });

  it.each([['57P01'], ['08006'], ['ECONNRESET'], ['EPIPE'], [undefined]])(
    'is thrown on where it says that the server or the connection ended (%s)',
    (code) => {
      expect(() => explainNoAnswer(thrown(code, 'gone'), 1)).toThrow('gone');
    },
  );
});
