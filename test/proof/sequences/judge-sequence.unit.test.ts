import { describe, expect, it } from 'vitest';

import type { SequenceState } from '../../../src/proof/fingerprint-schema.js';
import { judgeSequence } from '../../../src/proof/sequences/judge-sequence.js';

function at(lastValue: number | bigint, changes: Partial<SequenceState> = {}): SequenceState {
  return {
    schema: 'public',
    name: 's',
    lastValue: String(lastValue),
    isCalled: true,
    increment: '1',
    cache: '1',
    cycle: false,
    min: '1',
    max: '9223372036854775807',
    filenode: '100',
    ...changes,
  };
}

const down = { increment: '-5', min: '-9223372036854775808', max: '-1' };
const cached = { cache: '100' };
const fresh = { isCalled: false };
const round = { cycle: true, max: '50' };

describe('a restored sequence', () => {
  it.each([
    ['stands where it stood', at(100), at(100), at(100), 'passed'],
    ['stands between the readings', at(100), at(120), at(110), 'passed'],
    ['is ahead by the 32 values logged ahead and one cache', at(100), at(120), at(120 + 33), 'passed'],
    ['is one further ahead than that', at(100), at(120), at(120 + 34), 'failed'],
    ['is one behind the first reading', at(100), at(120), at(99), 'failed'],
    ['is ahead within its cache', at(100, cached), at(200, cached), at(200 + 132, cached), 'passed'],
    ['is ahead beyond its cache', at(100, cached), at(200, cached), at(200 + 133, cached), 'failed'],
    ['counts down within the bounds', at(-100, down), at(-120, down), at(-120 - 33 * 5, down), 'passed'],
    ['counts down too far', at(-100, down), at(-120, down), at(-120 - 34 * 5, down), 'failed'],
    ['counts down and is behind', at(-100, down), at(-120, down), at(-95, down), 'failed'],
    ['was never called', at(1, fresh), at(1, fresh), at(1, fresh), 'passed'],
    ['was never called, but is restored as called', at(1, fresh), at(1, fresh), at(1), 'failed'],
    ['was first called during the fence', at(1, fresh), at(1), at(33), 'passed'],
    ['was first called during the fence, after the cut', at(1, fresh), at(1), at(1, fresh), 'passed'],
    ['lost its only call', at(1), at(1), at(1, fresh), 'failed'],
    ['passes JavaScript’s exact integers', at(2n ** 62n), at(2n ** 62n), at(2n ** 62n - 1n), 'failed'],
    ['was set back by setval', at(100), at(10), at(100), 'unproven'],
    ['was restarted', at(100), at(100), at(100, { filenode: '200' }), 'passed'],
    ['was restarted during the fence', at(100), at(100, { filenode: '200' }), at(100), 'unproven'],
    ['was altered during the fence', at(100), at(100, { increment: '2' }), at(100), 'unproven'],
    ['was restored with another increment', at(100), at(100), at(100, { increment: '2' }), 'failed'],
    ['was restored with another cache', at(100), at(100), at(100, { cache: '20' }), 'failed'],
    ['cycles and may have begun anew', at(40, round), at(45, round), at(3, round), 'unproven'],
    ['cycles but stands within the bounds', at(40, round), at(45, round), at(45, round), 'passed'],
  ] as const)('that %s', (_, before, after, restored, status) => {
    expect(judgeSequence(before, after, restored)).toMatchObject({ status });
  });

  it('says which values it would give out twice', () => {
    const { detail } = judgeSequence(at(100), at(120), at(90));
    expect(detail).toContain('given out twice');
    expect(detail).toContain('next value 91, on the source 101 to 121');
  });
});
