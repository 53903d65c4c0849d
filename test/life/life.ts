import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { WorkflowFailedError } from '@temporalio/client';
import { expect } from 'vitest';

import type { ConsolidationSummary } from '../../activities/consolidate-chain.js';
import type { BackupSummary } from '../../activities/take-backup.js';
import { bigIntToLsn } from '../../src/postgres/lsn.js';
import { readSource } from '../../src/postgres/source.js';
import { withConnection } from '../../src/postgres/connection.js';
import { segmentName, segmentNumberOf } from '../../src/postgres/wal-segment.js';
import { listBackups } from '../../src/repository/repository.js';
import type { DrillResult } from '../../src/schema/evidence.js';
import type { RetentionResult } from '../../src/schema/retention.js';
import { openFindings } from '../../src/schema/verification.js';
import { acknowledge } from '../../src/verify/acknowledge.js';
import { findArchiveGaps } from '../../src/verify/verify.js';
import { planTo } from '../restore/restore-support.js';
import { startLoad, stopLoad } from '../support/pgbench.js';
import { promoteInPlace } from '../support/promote.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { randomFrom } from '../retention/world.js';
import { Installation } from './installation.js';
import { checksFor, expectReachable, type Moment, Truth } from './truth.js';
import { doSomething, loadScript, setUpSql } from './workload.js';

/** What may befall a cluster on a day beside its daily work. */
export type Misfortune = 'nothing' | 'promotion' | 'crash' | 'restart' | 'gap' | 'consolidation';

export interface LifeOptions {
  seed: number;
  /** One a day. */
  days: readonly Misfortune[];
  /** Hours a day, each with an incremental at its end. */
  hours: number;
  /** Things done an hour. */
  things: number;
  /** The recovery window, and how long daily fulls are kept. Incrementals are kept for the day that they are of. */
  windowDays: number;
  /** What is marked goes in the same night, or in the next. */
  grace: 'none' | 'a night';
  /** Restores a day. */
  restores: number;
  tell?: (line: string) => void;
}

/** For whoever wants to know that it was not too easy. */
export interface Lived {
  /** Of each restore: the types of the backups that it took. */
  restoredFrom: string[];
  /** Safe backups, by type. */
  taken: Record<string, number>;
  /** Why fulls were taken where incrementals were asked for; why incrementals were not trusted. */
  fallbacks: string[];
  unsafe: number;
  /** Moments behind a gap, to which no restore may be planned. */
  refused: number;
  deletedBackups: number;
  deletedWal: number;
}

/**
 * The life of a cluster with its days in quick succession: a full backup as a day begins (or one made of yesterday's chain), incrementals by the hour,
 * retention as it ends, with a load beside it all. After each day every moment that the recovery window promises has to be within reach, and
 * one chosen by chance is restored and compared with the truth.
 *
 * All of it by pgdrill's own schedules, as `pgdrill policies apply` makes them, and its workflows; only that nobody waits for the time of day: they are
 * triggered. Days are as long as they take: each night the configuration gets the window as the time since the day began that it is to begin with.
 */
export async function live(options: LifeOptions): Promise<Lived> {
  const shop = await protectCluster({ initdbArgs: ['--wal-segsize=1'], settings: { autovacuum: 'off' } });
  try {
    await shop.sql(setUpSql);
    const installation = await Installation.open(shop, configurationFor({ today: new Date() }));
    try {
      const life = new Life(shop, installation, options);
      for (const [day, misfortune] of options.days.entries()) await life.day(day, misfortune);
      return life.lived;
    } finally {
      await stopLoad();
      await installation.close();
    }
  } finally {
    await shop.remove();
  }
}

class Life {
  readonly lived: Lived = {
    ...{ restoredFrom: [], taken: {}, fallbacks: [], unsafe: 0, refused: 0, deletedBackups: 0, deletedWal: 0 },
  };
  readonly #truth: Truth;
  readonly #random: () => number;
  readonly #dayStarts: Date[] = [];
  #things = 0;
  /** The gap behind which no backup was taken yet. */
  #lostFrom: string | undefined;

  constructor(
    readonly shop: ProtectedCluster,
    readonly installation: Installation,
    readonly options: LifeOptions,
  ) {
    this.#truth = new Truth(shop);
    this.#random = randomFrom(options.seed);
  }

  async day(day: number, misfortune: Misfortune): Promise<void> {
    const { hours } = this.options;
    this.options.tell?.(`day ${day}: ${misfortune}`);
    this.#dayStarts.push(new Date());
    startLoad(this.shop, loadScript, 2);
    if (misfortune === 'consolidation') await this.#consolidate();
    else await this.#backup('daily_full');
    const when = Math.floor(this.#random() * hours);
    for (let hour = 0; hour < hours; hour += 1) {
      await this.#work(`day ${day} hour ${hour}`);
      if (hour === when) await this.#befall(misfortune, `day ${day} ${misfortune}`);
      await this.#backup('hourly_incremental');
    }
    await this.#work(`day ${day} evening`);
    await stopLoad();
    await this.#archiveWithCommit();
    await this.#lookBack();
  }

  /** What a target in time needs is a commit behind it. */
  async #archiveWithCommit(): Promise<void> {
    await this.shop.sql(`update load.accounts set balance = balance where id = 1`);
    await this.shop.archive();
  }

  async #work(name: string): Promise<void> {
    for (let thing = 0; thing < this.options.things; thing += 1) {
      await doSomething(this.shop, this.#random, `d${++this.#things}`);
      await this.#truth.record(`${name} thing ${this.#things}`);
    }
  }

  async #backup(policy: 'daily_full' | 'hourly_incremental'): Promise<void> {
    const record = await this.installation.trigger<BackupSummary>('backup', policy);
    if (record.fallbackReason !== undefined) this.lived.fallbacks.push(record.fallbackReason);
    if (record.unsafe === undefined) this.#count(record.type);
    else this.lived.unsafe += 1;
    if (record.unsafe === undefined && this.#lostFrom !== undefined) {
      const lost = this.#truth.lose(this.#lostFrom, record.endLsn, 'gap');
      this.#lostFrom = undefined;
      for (const { lsn } of lost) {
        await expect(planTo(this.shop, `lsn=${lsn}`)).rejects.toThrow(/is missing/);
        this.lived.refused += 1;
      }
    }
  }

  async #consolidate(): Promise<void> {
    const { consolidatedFrom } = await this.installation.trigger<ConsolidationSummary>('backup', 'synthetic');
    if (consolidatedFrom.length > 0) this.#count('synthetic');
    else await this.#backup('daily_full'); // the last hour's was a full already
  }

  #count(type: string): void {
    this.lived.taken[type] = (this.lived.taken[type] ?? 0) + 1;
  }

  async #befall(misfortune: Misfortune, name: string): Promise<void> {
    const { source } = this.shop;
    switch (misfortune) {
      case 'nothing':
      case 'consolidation':
        return;
      case 'gap':
        await this.#loseSegment(name);
        return;
      case 'promotion':
        await stopLoad();
        await promoteInPlace(source);
        break;
      case 'crash':
        await stopLoad();
        await source.stop('immediate');
        await source.start();
        break;
      case 'restart':
        await stopLoad();
        await source.restart();
        break;
    }
    startLoad(this.shop, loadScript, 2);
    await this.#work(name);
  }

  /** An archived segment is gone for good; a verification finds that out and somebody accepts it. */
  async #loseSegment(name: string): Promise<void> {
    const { patient, repository } = this.shop;
    await this.shop.archive();
    await this.#work(name);
    await this.#archiveWithCommit(); // else the commit behind the last moment may be in the segment that is lost
    const { timeline, walSegmentSizeBytes: size } = await withConnection(patient.connection, readSource);
    const { lsn } = await this.#truth.record(`${name}, in the segment that is lost`);
    await this.shop.archive();
    await this.#work(`${name}, behind it`);
    await this.shop.archive();
    const number = segmentNumberOf(lsn, size);
    const segment = segmentName({ timeline, number }, size);
    await rm(join(patient.walDirectory, segment));
    this.#lostFrom = bigIntToLsn(number * BigInt(size));
    const failure = await this.installation.trigger('verify').catch((error: unknown) => error);
    const finding = `wal-gap/${segment}`;
    expect((failure as WorkflowFailedError).cause?.message.split(':')[0]).toBe(finding);
    await acknowledge(repository, finding, { by: 'ada', reason: 'the disk of the archive was replaced' });
    expect(openFindings(await findArchiveGaps(repository, patient.walDirectory, new AbortController().signal))).toEqual(
      [],
    );
  }

  /** Retention, and then: is every promise kept? */
  async #lookBack(): Promise<void> {
    const windowStart = this.#dayStarts.at(-this.options.windowDays) ?? this.#dayStarts[0]!;
    const { grace } = this.options;
    const nightly = { today: this.#dayStarts.at(-1)!, windowStart, grace };
    await this.installation.configure(configurationFor(nightly));
    const result = await this.installation.trigger<RetentionResult>('retention');
    this.lived.deletedBackups += result.deleted.length;
    this.lived.deletedWal += result.walDeleted.files;
    const promised = this.#truth.since(new Date(result.windowStart));
    await expectReachable(this.shop, promised);
    for (let restore = 0; restore < this.options.restores; restore += 1) {
      const chosen = promised[Math.floor(this.#random() * promised.length)]!;
      const by = this.#random() < 0.5 ? 'time' : 'lsn';
      await this.installation.configure(configurationFor({ ...nightly, restore: { moment: chosen, by } }));
      await this.#restore(chosen, by, promised.length);
    }
  }

  /** By a drill whose checks know the truth. */
  async #restore(moment: Moment, by: 'time' | 'lsn', of: number): Promise<void> {
    const { chain, checks } = await this.installation
      .trigger<DrillResult>('drill', 'nightly')
      .catch((error: unknown) => {
        const why = error instanceof WorkflowFailedError ? error.cause?.message : String(error);
        throw new Error(`${moment.name} by ${by} is not what it was: ${why}`, { cause: error });
      });
    const backups = await listBackups(this.shop.repository);
    const types = chain.map(({ id, type }) =>
      backups.find((each) => each.id === id)?.consolidatedFrom === undefined ? type : 'synthetic',
    );
    const from = types.join(' + ');
    this.options.tell?.(`  ${moment.name} by ${by}, of ${of} moments: from ${from}`);
    const business = checks.filter(({ name }) => name.startsWith('business: '));
    expect(
      business.map(({ name, status, summary }) => ({ name, status, summary })),
      `${moment.name} by ${by}, from ${from}`,
    ).toEqual(
      ['life', 'accounts', 'balance'].map((name) => ({
        name: `business: ${name}`,
        status: 'passed',
        summary: expect.any(String) as string,
      })),
    );
    expect(checks.filter(({ status }) => status === 'failed')).toEqual([]);
    this.lived.restoredFrom.push(from);
  }
}

/** What each night changes: the window and the ages, counted from now, and the moment that the drill is to restore. */
function configurationFor({
  today,
  windowStart = today,
  grace = 'none',
  restore,
}: {
  today: Date;
  windowStart?: Date;
  grace?: LifeOptions['grace'];
  restore?: { moment: Moment; by: 'time' | 'lsn' };
}): string {
  const since = (start: Date): string => `${Math.max(1, Date.now() - start.getTime())}ms`;
  return `policies:
  daily_full: { type: full, cron: 0 2 * * *, keep: ${since(windowStart)} }
  synthetic: { type: synthetic, cron: 0 3 * * *, keep: ${since(windowStart)} }
  hourly_incremental: { type: incremental, cron: 0 * * * *, keep: ${since(today)} }
retention: { window: ${since(windowStart)}, keep_unscheduled: 0ms, min_fulls: 1, grace: ${grace === 'none' ? '0ms' : '3s'} }
verify: { cron: 0 5 * * 0, max_rate: 1GB }
drills: { nightly: { cron: 0 4 * * *, target: '${restore === undefined ? 'fence' : `${restore.by}=${restore.moment[restore.by]}`}' } }
${restore === undefined ? '' : checksFor(restore.moment)}`;
}
