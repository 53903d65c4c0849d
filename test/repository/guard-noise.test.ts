import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { loadsNamed } from '../../scripts/guard-noise/loads.js';
import { measureGuard } from '../../scripts/guard-noise/measure.js';
import { openScratch, type ScratchServers } from '../../scripts/scratch/servers.js';
import { testTools } from '../support/cluster.js';

/** The short form of `npm run bench:guard`. */
describe.each([17, 18] as const)('PostgreSQL %i', (major) => {
  let servers: ScratchServers;
  beforeEach(async () => {
    servers = await openScratch(await testTools(major));
  });
  afterEach(() => servers.remove());

  it('gives no false alarm under pgbench with autovacuum, and every link restores right', async () => {
    const measured = await measureGuard(servers, loadsNamed('pgbench')[0]!, { links: 2, secondsBetween: 2 });
    expect(measured.map(({ reasons, wrong }) => ({ reasons, wrong }))).toEqual([
      { reasons: [], wrong: [] },
      { reasons: [], wrong: [] },
    ]);
  });

  it('lets no link pass that restores wrong under a load that truncates', async () => {
    const measured = await measureGuard(servers, loadsNamed('queues')[0]!, { links: 3, secondsBetween: 4 });
    expect(measured.filter(({ reasons, wrong }) => reasons.length === 0 && wrong.length > 0)).toEqual([]);
    // Else this test would have shown nothing.
    expect(measured.some(({ truncated }) => truncated > 0)).toBe(true);
  });
});
