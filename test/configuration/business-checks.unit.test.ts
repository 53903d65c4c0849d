import { describe, expect, it } from 'vitest';

import { clusterOf } from '../../src/configuration/cluster.js';
import { parseConfiguration } from '../../src/configuration/load.js';
import { ConfigurationError } from '../../src/errors.js';

const least = 'clusters:\n  shop:\n    connection: service=shop\n    repository: /r/shop\n    checks:\n';

function problemsOf(line: string): string[] {
  try {
    parseConfiguration(`${least}      ${line}\n`, '/c/pgdrill.yaml');
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.explanation.what.split('\n  /c/pgdrill.yaml:').slice(1);
  }
  return [];
}

describe('business checks', () => {
  it('are read with their names and defaults', () => {
    const configuration = parseConfiguration(
      `${least}      revenue:
        sql: select sum(total) from orders
        expect: { equals: source }
      no orphans:
        database: archive
        sql: |
          -- orders of nobody
          select count(*) from orders where customer is null;
        expect: { value: 0 }
        timeout: 5m
`,
      'x',
    );
    const { checks } = clusterOf({ path: 'x', configuration, stateDirectory: '/s' }, 'shop');
    expect(checks).toEqual([
      { name: 'revenue', sql: 'select sum(total) from orders', expect: { equals: 'source' }, timeout: '1m' },
      {
        name: 'no orphans',
        database: 'archive',
        sql: '-- orders of nobody\nselect count(*) from orders where customer is null;\n',
        expect: { value: 0 },
        timeout: '5m',
      },
    ]);
  });

  it.each([
    '{ equals: source }',
    '{ value: 0 }',
    '{ value: -12.5 }',
    '{ value: "12345678901234567890" }',
    '{ value: ok }',
    '{ value: true }',
    '{ value: null }',
    '{ range: { min: 1 } }',
    '{ range: { min: -1.5, max: "1" } }',
    '{ max_age: 15m }',
    '{ rows: { tolerance: 100 } }',
    '{ rows: { tolerance: 0.5% } }',
  ])('may expect %s', (expectation) => {
    expect(problemsOf(`a: { sql: select 1, expect: ${expectation} }`)).toEqual([]);
  });

  it.each([
    'select 1',
    'SELECT 1;',
    '(select 1) union (select 2)',
    'with a as (select 1) table a',
    'values (1)',
    '/* a\n */ table t',
  ])('may ask %j', (sql) => {
    expect(problemsOf(`a: { sql: ${JSON.stringify(sql)}, expect: { value: 1 } }`)).toEqual([]);
  });

  const at = (rest: string): string => `a: { sql: select 1, ${rest} }`;
  it.each([
    [
      at('timeout: 5s'),
      '6:7: clusters.shop.checks.a.expect is missing (mapping). What the restored database has to answer: exactly one of `equals`, `value`, `range`, `max_age`, `rows`.',
    ],
    [
      at('expect: {}'),
      '6:27: clusters.shop.checks.a.expect must hold exactly one of equals, value, range, max_age and rows; it holds none.',
    ],
    [
      at('expect: { value: 1, max_age: 1m }'),
      '6:27: clusters.shop.checks.a.expect must hold exactly one of equals, value, range, max_age and rows; it holds value and max_age.',
    ],
    [at('expect: equals source'), 'must be a mapping, but "equals source" was given.'],
    [
      at('expect: { equals: sorce }'),
      '6:37: clusters.shop.checks.a.expect.equals must be one of source, but "sorce" was given. Did you mean "source"?',
    ],
    [
      at('expect: { maxage: 1m }'),
      'clusters.shop.checks.a.expect.maxage is not a known key. Did you mean "max_age"? Allowed here: equals, value, range, max_age, rows.',
    ],
    [
      at('expect: { value: [1] }'),
      'clusters.shop.checks.a.expect.value must be number or text or boolean or null, but a list was given.',
    ],
    [at('expect: { value: 12345678901234567890 }'), 'must be written in quotes: it has more digits than YAML keeps'],
    [at('expect: { value: 0.1234567890123456 }'), 'must be written in quotes: it has more digits than YAML keeps'],
    [at('expect: { value: .inf }'), 'clusters.shop.checks.a.expect.value'],
    [at('expect: { range: {} }'), 'clusters.shop.checks.a.expect.range must hold min, max or both.'],
    [at('expect: { range: { min: 3, max: 2 } }'), 'clusters.shop.checks.a.expect.range has a min above its max.'],
    [
      at('expect: { range: { min: few } }'),
      'clusters.shop.checks.a.expect.range.min must be a number such as 100 or "0.25", but "few" was given.',
    ],
    [
      at('expect: { max_age: 15 }'),
      'clusters.shop.checks.a.expect.max_age must be text, but 15 (a number) was given. Put it in quotes: "15".',
    ],
    [
      at('expect: { max_age: soon }'),
      'clusters.shop.checks.a.expect.max_age must be a duration such as 90s, 15m, 24h or 7d, but "soon" was given.',
    ],
    [at('expect: { rows: 1 }'), 'clusters.shop.checks.a.expect.rows must be a mapping, but 1 (a number) was given.'],
    [
      at('expect: { rows: { tolerance: some } }'),
      'clusters.shop.checks.a.expect.rows.tolerance must be a number of rows such as 100, or a part such as 1%, but "some" was given.',
    ],
    [
      at('expect: { rows: { tolerance: -1 } }'),
      'clusters.shop.checks.a.expect.rows.tolerance must be at least 0, but -1',
    ],
    [at('expect: { value: 1 }, timeout: never'), 'clusters.shop.checks.a.timeout must be a duration'],
    [
      at('expect: { value: 1 }, tiemout: 1m'),
      'clusters.shop.checks.a.tiemout is not a known key. Did you mean "timeout"?',
    ],
    ['a: { expect: { value: 1 } }', 'clusters.shop.checks.a.sql is missing (text). One query.'],
    [
      'a: { sql: delete from t, expect: { value: 1 } }',
      '6:12: clusters.shop.checks.a.sql must be one query, beginning with select, with, values or table, but "delete from t" was given.',
    ],
    ['a: { sql: selection, expect: { value: 1 } }', 'clusters.shop.checks.a.sql must be one query'],
    [
      '" a": { sql: select 1, expect: { value: 1 } }',
      'is no usable name: it must be one line of 1 to 60 characters without blanks around it.',
    ],
    [
      '- { sql: select 1, expect: { value: 1 } }',
      'clusters.shop.checks must be a mapping of names to values, but a list was given.',
    ],
  ])('%s is told what is wrong', (line, text) => {
    expect(problemsOf(line).join('\n')).toContain(text);
  });

  it('of the same name are refused', () => {
    expect(
      problemsOf('a: { sql: select 1, expect: { value: 1 } }\n      a: { sql: select 2, expect: { value: 2 } }'),
    ).toEqual([expect.stringContaining('the key "a" stands here a second time') as string]);
  });
});
