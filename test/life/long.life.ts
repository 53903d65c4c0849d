import { expect, test } from 'vitest';

import { randomFrom } from '../retention/world.js';
import { live, type Misfortune } from './life.js';

// npm run test:life. Another life each time; PGDRILL_LIFE_SEED repeats one, PGDRILL_LIFE_DAYS says how long it is.
const seed = Number(process.env['PGDRILL_LIFE_SEED'] ?? Date.now() % 1_000_000);
const days = Number(process.env['PGDRILL_LIFE_DAYS'] ?? 21);

const misfortunes: readonly Misfortune[] = [
  ...(['nothing', 'nothing', 'consolidation', 'consolidation', 'promotion', 'crash', 'restart', 'gap'] as const),
];

test(`a life of ${days} days, seed ${seed}`, { timeout: days * 120_000 }, async () => {
  const random = randomFrom(seed);
  const lived = await live({
    ...{ seed, hours: 4, things: 4, windowDays: 1 + Math.floor(random() * 4), grace: 'a night', restores: 3 },
    days: Array.from({ length: days }, () => misfortunes[Math.floor(random() * misfortunes.length)] ?? 'nothing'),
    tell: (line) => process.stderr.write(`${line}\n`),
  });
  process.stderr.write(`${JSON.stringify(lived, null, 2)}\n`);
  expect(lived.restoredFrom).toHaveLength(days * 3);
});
