import { defineConfig } from 'vitest/config';

// Three projects: `unit` is pure logic and runs in parallel; `real` starts PostgreSQL and Temporal and gets few workers,
// since each suite brings servers of its own; `faults` is the whole matrix of faults, which takes an hour, and `life` some weeks of a
// cluster's life, which take many minutes: only when asked for.
export default defineConfig({
  test: {
    reporters: ['default', './test/support/plain-summary.ts'],
    projects: [
      { test: { name: 'unit', include: ['test/**/*.unit.test.ts'], testTimeout: 10_000, sequence: { groupOrder: 0 } } },
      {
        test: {
          name: 'real',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.unit.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          pool: 'forks',
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
          testTimeout: 180_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'faults',
          include: ['test/faults/*.faults.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          pool: 'forks',
          // Most of a cell is waiting, such as for a heartbeat that does not come.
          maxConcurrency: 4,
          env: { PGDRILL_FAULTS_WHOLE: 'yes' },
          hookTimeout: 300_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'life',
          include: ['test/life/*.life.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          pool: 'forks',
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
