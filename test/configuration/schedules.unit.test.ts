import { describe, expect, test } from 'vitest';

import { parseConfiguration } from '../../src/configuration/load.js';
import { ConfigurationError } from '../../src/errors.js';

const head = 'clusters:\n  shop:\n    connection: service=shop\n    repository: /r/shop\n';

/** The problems, one each, as `line:column: text`. */
function problemsOf(lines: string): string[] {
  try {
    parseConfiguration(head + lines.replace(/^/gm, '    '), '/c/pgdrill.yaml');
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.explanation.what.split('\n  /c/pgdrill.yaml:').slice(1);
  }
  return [];
}

const policies = (...lines: string[]): string => ['policies:', ...lines.map((line) => `  ${line}`)].join('\n');

describe('schedules that are fine', () => {
  test.each([
    policies(
      'daily_full: { type: full, cron: 0 2 * * *, keep: 30d }',
      'hourly_incremental: { type: incremental, cron: 0 * * * *, keep: 7d }',
    ),
    // Of two fulls in one minute the one that is kept longer is taken: no problem.
    policies(
      'daily: { type: full, cron: 0 2 * * *, keep: 7d }',
      'monthly: { type: full, cron: 0 2 1 * *, keep: 365d }',
    ),
    // Not in the same time zone: they meet at most now and then.
    policies('a: { type: full, cron: 0 2 * * * }', 'b: { type: full, cron: 0 2 * * *, time_zone: Asia/Tokyo }'),
    // One that is switched off takes nobody's place.
    policies('a: { type: full, cron: 0 2 * * *, enabled: false }', 'b: { type: incremental, cron: 0 2 * * * }'),
    'drills:\n  nightly: { cron: 0 4 * * *, jitter: 30m, target: latest, gates: [promote] }\nsabotage: { cron: 0 5 * * SUN }',
  ])('%s', (lines) => {
    expect(problemsOf(lines)).toEqual([]);
  });
});

describe('schedules that are refused, with line and key', () => {
  test.each([
    [
      policies('a: { type: full, cron: 0 25 * * * }'),
      /^6:24: clusters\.shop\.policies\.a\.cron is wrong: Invalid value for hour: 25; "0 25 \* \* \*" was given/,
    ],
    [policies('a: { type: full, cron: 0 2 30 2 * }'), /policies\.a\.cron never happens: there is no such day/],
    [
      policies('a: { type: full, cron: 0 2 * * *, time_zone: Europe/Berln }'),
      /^6:41: clusters\.shop\.policies\.a\.time_zone .*Did you mean "Europe\/Berlin"/,
    ],
    [policies('a: { type: ful, cron: 0 2 * * * }'), /policies\.a\.type must be one of full, .*Did you mean "full"/],
    [policies('a: { cron: 0 2 * * * }'), /policies\.a\.type/],
    [policies('a: { type: full }'), /policies\.a\.cron is missing/],
    [policies('A: { type: full, cron: 0 2 * * * }'), /policies\.A is no usable name/],
    [policies('a: { type: full, cron: 0 2 * * *, keep: 0d }'), /policies\.a\.keep must be longer than nothing/],
    [policies('a: { type: full, cron: 0 2 * * *, keep: 30 }'), /policies\.a\.keep must be text/],
    [policies('a: { type: full, cron: 0 2 * * *, jitter: 24h }'), /policies\.a\.jitter is as long as .*\(1d\)/],
    [policies('a: { type: full, cron: 0 2 * * *, catch_up: 5s }'), /policies\.a\.catch_up must be at least 10s/],
    [
      policies('a: { type: full, crn: 0 2 * * *, cron: 0 2 * * * }'),
      /policies\.a\.crn is not a known key\. Did you mean "cron"/,
    ],
    [
      'drills:\n  nightly: { cron: 0 2 * * *, scenario: rotate, target: latest }',
      /drills\.nightly\.target scenario rotate chooses the target itself/,
    ],
    [
      'drills:\n  nightly: { cron: 0 2 * * *, scenario: source-lost, backup: full }',
      /drills\.nightly\.backup a source that is lost cannot be backed up/,
    ],
    ['drills:\n  nightly: { cron: 0 2 L * * }', /^6:18: clusters\.shop\.drills\.nightly\.cron holds L or W/],
    ['sabotage: { cron: nightly }', /^5:17: clusters\.shop\.sabotage\.cron must have five fields/],
    [
      policies('a: { type: full, cron: 0 2 * * * }', 'b: { type: full, cron: "00 02 * * *", keep: 7d }'),
      /^7:24: clusters\.shop\.policies\.b\.cron is the time of a, which is full too/,
    ],
    [
      policies('a: { type: incremental, cron: 0 2 * * * }', 'b: { type: full, cron: 0 * * * * }'),
      /policies\.a\.cron names only times at which b \(full\) starts, too/,
    ],
  ])('%s', (lines, problem) => {
    const problems = problemsOf(lines);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });
});
