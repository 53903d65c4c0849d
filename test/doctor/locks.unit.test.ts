import { expect, it } from 'vitest';

import { judgeLocks } from '../../src/doctor/locks.js';

const facts = { database: 'shop', tables: 20_000, locksPerTransaction: 64, connections: 100, preparedTransactions: 0 };

it('more tables than locks are warned of, with a setting that is enough', () => {
  const found = judgeLocks(facts);
  expect(found).toMatchObject({ level: 'warning', needsRestart: true });
  const wanted = Number(/= (\d+);$/.exec(found.fix ?? '')?.[1]);
  expect(wanted).toBe(448);
  expect(judgeLocks({ ...facts, locksPerTransaction: wanted }).level).toBe('ok');
});

it.each([
  [6_399, 'ok'],
  [6_400, 'warning'],
])('%d tables at the default settings: %s', (tables, level) => {
  expect(judgeLocks({ ...facts, tables }).level).toBe(level);
});
