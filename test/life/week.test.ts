import { expect, test } from 'vitest';

import { live } from './life.js';

// A short one, the same each time as far as chance goes. A longer life, another each time: npm run test:life.
const seed = Number(process.env['PGDRILL_LIFE_SEED'] ?? 6);

test(
  `a week of a cluster’s life: all that retention promises can be restored (seed ${seed})`,
  { timeout: 300_000 },
  async () => {
    const lived = await live({
      ...{ seed, hours: 2, things: 2, windowDays: 2, grace: 'none', restores: 1 },
      days: ['crash', 'consolidation', 'gap', 'promotion'],
    });
    // Not for lack of cases.
    expect(lived.restoredFrom).toHaveLength(4);
    expect(lived.taken).toMatchObject({ synthetic: 1, incremental: expect.any(Number) as number });
    expect(lived.fallbacks.join()).toContain('the cluster was promoted');
    expect(lived.refused).toBeGreaterThan(0);
    expect(lived.deletedBackups).toBeGreaterThan(0);
    expect(lived.deletedWal).toBeGreaterThan(0);
  },
);
