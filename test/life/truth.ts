import { setTimeout as sleep } from 'node:timers/promises';

import { expect } from 'vitest';

import { compareLsn } from '../../src/postgres/lsn.js';
import { planTo } from '../restore/restore-support.js';
import type { ProtectedCluster } from '../support/protected-cluster.js';

/** What the source held at a moment at which only the load was writing. */
export interface Moment {
  name: string;
  /** By the server's clock, to the microsecond. */
  time: string;
  lsn: string;
  content: string;
  /** What became of the WAL that leads to it, where it is known to be gone. */
  lost?: string;
}

/** All that the source ever held, by moment: what a restore has to equal. */
export class Truth {
  readonly moments: Moment[] = [];

  constructor(readonly shop: ProtectedCluster) {}

  async record(name: string): Promise<Moment> {
    const [row] = await this.shop.sql<{ lsn: string; content: string }>(
      `select pg_current_wal_insert_lsn()::text as lsn, life_content() as content`,
    );
    // Commits keep their time to the microsecond, but replay compares what is before and behind: nothing of ours is as near.
    await sleep(5);
    const [clock] = await this.shop.sql<{ time: string }>(`select clock_timestamp()::text as time`);
    await sleep(5);
    const moment = { name, time: clock!.time, ...row! };
    this.moments.push(moment);
    return moment;
  }

  /** Marks as lost what lies behind the loss of WAL and before the end of the backup that does not need it. */
  lose(from: string, until: string, why: string): Moment[] {
    const lost = this.moments.filter(({ lsn }) => compareLsn(lsn, from) > 0 && compareLsn(lsn, until) < 0);
    for (const moment of lost) moment.lost = why;
    return lost;
  }

  /** What a recovery window promises, oldest first. */
  since(windowStart: Date): Moment[] {
    return this.moments.filter(({ time, lost }) => lost === undefined && Date.parse(time) >= windowStart.getTime());
  }
}

/** Checks of a drill to a moment: that what is restored is what was there. */
export function checksFor({ content }: Moment): string {
  const check = (name: string, sql: string, value: string): string =>
    `  ${name}: { sql: '${sql}', expect: { value: ${value} } }`;
  return [
    'checks:',
    check('life', 'select public.life_content()', JSON.stringify(content)),
    // The load writes at all times: of its content only this is known.
    check('accounts', 'select count(*) from load.accounts', '500'),
    check('balance', 'select sum(balance) from load.accounts', '0'),
  ].join('\n');
}

/** Plans a restore to each, which finds out whether chain and WAL are there. */
export async function expectReachable(shop: ProtectedCluster, moments: readonly Moment[]): Promise<void> {
  for (const { name, lsn } of moments) {
    const plan = await planTo(shop, `lsn=${lsn}`).catch((error: unknown) => {
      throw new Error(`${name} (${lsn}) lies in the window and cannot be restored`, { cause: error });
    });
    expect(compareLsn(plan.chain.at(-1)!.endLsn, lsn), name).toBeLessThanOrEqual(0);
  }
}
