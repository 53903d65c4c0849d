import { expect, it } from 'vitest';

import { renderBackups } from '../../src/cli/backups.js';

const backup = {
  ...{ id: 'b-full', startLsn: '0/2000028', endLsn: '0/2000120', timeline: 1, sizeBytes: 5_000, durationMs: 1_500 },
  standing: 'verified' as const,
};

it('backups of a standby say so beside those of the primary', () => {
  const [head, ...rows] = renderBackups([backup, { ...backup, id: 's-full', takenFrom: 'standby' }]).split('\n');
  expect(head).toMatch(/TIMELINE +TAKEN FROM +SIZE/);
  expect(rows).toEqual([
    expect.stringMatching(/^b-full .* 1 +primary +5\.0 kB +1\.5 s/) as string,
    expect.stringMatching(/^s-full .* 1 +standby +5\.0 kB/) as string,
  ]);
});

it('where none was taken from a standby, nothing is said of it', () => {
  expect(renderBackups([backup])).not.toMatch(/TAKEN FROM|primary/);
});
