import { describe, expect, it } from 'vitest';

import { formatTarget, parseTarget } from '../../src/schema/target.js';

describe('a target on a timeline', () => {
  it.each([
    ['latest,timeline=1', { kind: 'latest', timeline: 1 }],
    ['immediate,timeline=12', { kind: 'immediate', timeline: 12 }],
    ['time=2026-11-22 02:00:00+00,timeline=2', { kind: 'time', time: '2026-11-22 02:00:00+00', timeline: 2 }],
    ['lsn=16/B374D848,timeline=3', { kind: 'lsn', lsn: '16/B374D848', timeline: 3 }],
    ['xid=7,timeline=3', { kind: 'xid', xid: '7', timeline: 3 }],
    ['name=before, or not,timeline=3', { kind: 'name', name: 'before, or not', timeline: 3 }],
    // A restore point that is really called so.
    ['name=a,timeline=1,timeline=3', { kind: 'name', name: 'a,timeline=1', timeline: 3 }],
    ['name=timeline=3', { kind: 'name', name: 'timeline=3' }],
  ])('%s', (text, target) => {
    expect(parseTarget(text)).toEqual(target);
    expect(formatTarget(parseTarget(text) as never)).toBe(text);
  });

  it('may have a blank before it', () => {
    expect(parseTarget('latest, timeline=1')).toEqual({ kind: 'latest', timeline: 1 });
  });

  it.each([
    ['fence,timeline=1', 'takes no timeline'],
    ['latest,timeline=', 'must be the number of a timeline'],
    ['latest,timeline=0', 'must be the number of a timeline'],
    ['latest,timeline=latest', 'must be the number of a timeline'],
    ['latest,timeline=4294967296', 'must be the number of a timeline'],
    ['nonsense,timeline=1', 'target "nonsense" is none of'],
    ['timeline=1', 'is none of'],
  ])('is not %s', (text, sentence) => {
    expect(parseTarget(text)).toContain(sentence);
  });
});
