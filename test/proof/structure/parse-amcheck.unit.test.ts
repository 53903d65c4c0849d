import { describe, expect, it } from 'vitest';

import { parseAmcheck } from '../../../src/proof/structure/parse-amcheck.js';

describe('the output of pg_amcheck', () => {
  it('is empty for a sound cluster', () => {
    expect(parseAmcheck('')).toEqual([]);
  });

  it('becomes one problem a relation', () => {
    const output = `heap table "shop.public.a", block 0, offset 3, attribute 1:
    attribute ends beyond total tuple length
heap table "shop.public.a", block 0, offset 4:
    line pointer length 1 is less than the minimum tuple header size 24
btree index "shop.public.a_pkey":
    ERROR:  item order invariant violated for index "a_pkey"
    DETAIL:  Lower index tid=(1,2).
`;
    expect(parseAmcheck(output)).toEqual([
      {
        object: 'shop.public.a',
        detail: 'block 0, offset 3, attribute 1: attribute ends beyond total tuple length (and 1 more)',
      },
      {
        object: 'shop.public.a_pkey',
        detail: 'ERROR:  item order invariant violated for index "a_pkey" DETAIL:  Lower index tid=(1,2).',
      },
    ]);
  });

  it('that is not understood is a problem, too', () => {
    expect(parseAmcheck('something new')).toEqual([{ object: 'pg_amcheck', detail: 'something new' }]);
  });
});
