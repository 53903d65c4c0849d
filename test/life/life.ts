import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { expect } from 'vitest';

import { consolidate } from '../../src/consolidation/consolidate.js';
import { bigIntToLsn } from '../../src/postgres/lsn.js';
import { readSource } from '../../src/postgres/source.js';
import { withConnection } from '../../src/postgres/connection.js';
import { segmentName, segmentNumberOf } from '../../src/postgres/wal-segment.js';
import { standaloneContext } from '../../src/process/step-context.js';
import { newestBackup } from '../../src/repository/chains.js';
import { listBackups } from '../../src/repository/repository.js';
import { takeBackup } from '../../src/repository/take-backup.js';
import { deleteExpired, markExpired } from '../../src/retention/apply.js';
import type { RetentionRequest } from '../../src/retention/facts.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';
import type { RetentionResult } from '../../src/schema/retention.js';
import { openFindings, type Verification } from '../../src/schema/verification.js';
import { acknowledge } from '../../src/verify/acknowledge.js';
import { verificationKey } from '../../src/verify/reports.js';
import { findArchiveGaps, verifyRepository } from '../../src/verify/verify.js';
import { planTo } from '../restore/restore-support.js';
import { startLoad, stopLoad } from '../support/pgbench.js';
import { promoteInPlace } from '../support/promote.js';
import { protectCluster, type ProtectedCluster } from '../support/protected-cluster.js';
import { randomFrom, settingsOf } from '../retention/world.js';
import { expectReachable, expectRestored, Truth } from './truth.js';
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
 * Days are as long as they take: retention gets the window as the time since the day began that it is to begin with.
 */
export async function live(options: LifeOptions): Promise<Lived> {
  const shop = await protectCluster({ initdbArgs: ['--wal-segsize=1'], settings: { autovacuum: 'off' } });
  try {
    const life = new Life(shop, options);
    await shop.sql(setUpSql);
    for (const [day, misfortune] of options.days.entries()) await life.day(day, misfortune);
    return life.lived;
  } finally {
    await stopLoad();
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
  #operations = 0;
  /** The gap behind which no backup was taken yet. */
  #lostFrom: string | undefined;

  constructor(
    readonly shop: ProtectedCluster,
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
    else await this.#backup('full', 'daily_full');
    const when = Math.floor(this.#random() * hours);
    for (let hour = 0; hour < hours; hour += 1) {
      await this.#work(`day ${day} hour ${hour}`);
      if (hour === when) await this.#befall(misfortune, `day ${day} ${misfortune}`);
      await this.#backup('incremental', 'hourly_incremental');
    }
    await this.#work(`day ${day} evening`);
    await stopLoad();
    // What a target in time needs: a commit behind it.
    await this.shop.sql(`update load.accounts set balance = balance where id = 1`);
    await this.shop.archive();
    await this.#lookBack();
  }

  async #work(name: string): Promise<void> {
    for (let thing = 0; thing < this.options.things; thing += 1) {
      await doSomething(this.shop, this.#random, `d${++this.#things}`);
      await this.#truth.record(`${name} thing ${this.#things}`);
    }
  }

  async #backup(type: BackupRecord['type'], policy: string): Promise<BackupRecord> {
    const { tools, repository, patient } = this.shop;
    const record = await takeBackup(
      tools,
      { repository, connection: patient.connection, type, policy },
      standaloneContext(`life/backup/${++this.#operations}`),
    );
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
    return record;
  }

  async #consolidate(): Promise<void> {
    const { tools, repository } = this.shop;
    if (newestBackup(await listBackups(repository))?.type === 'full') {
      await this.#backup('full', 'daily_full');
      return;
    }
    const record = await consolidate(
      tools,
      { repository },
      standaloneContext(`life/consolidate/${++this.#operations}`),
    );
    expect(record.consolidatedFrom?.length).toBeGreaterThan(1);
    this.#count('synthetic');
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
    const { patient, repository, tools } = this.shop;
    await this.shop.archive();
    await this.#work(name);
    const { timeline, walSegmentSizeBytes: size } = await withConnection(patient.connection, readSource);
    const { lsn } = await this.#truth.record(`${name}, in the segment that is lost`);
    await this.shop.archive();
    await this.#work(`${name}, behind it`);
    await this.shop.archive();
    const number = segmentNumberOf(lsn, size);
    const segment = segmentName({ timeline, number }, size);
    await rm(join(patient.walDirectory, segment));
    this.#lostFrom = bigIntToLsn(number * BigInt(size));
    const found = await verifyRepository(
      tools,
      { repository, walDirectory: patient.walDirectory, maxRateBytes: undefined },
      standaloneContext(`life/verify/${++this.#operations}`),
    );
    const finding = openFindings(found.findings).map(({ id }) => id);
    expect(finding).toEqual([`wal-gap/${segment}`]);
    await this.#report(found);
    await acknowledge(repository, finding[0]!, { by: 'ada', reason: 'the disk of the archive was replaced' });
    expect(openFindings(await findArchiveGaps(repository, patient.walDirectory, new AbortController().signal))).toEqual(
      [],
    );
  }

  async #report(found: Awaited<ReturnType<typeof verifyRepository>>): Promise<void> {
    const at = new Date().toISOString();
    const report: Verification = {
      ...{ formatVersion: 1, id: `life-${this.#operations}`, cluster: 'shop', workflowId: 'life', runId: 'life' },
      ...{ startedAt: at, finishedAt: at, verdict: 'failed', versions: { pgdrill: '', postgres: '', node: '' } },
      ...found,
    };
    await this.shop.repository.storage.writeText(verificationKey(report.id), JSON.stringify(report));
  }

  /** Retention, and then: is every promise kept? */
  async #lookBack(): Promise<void> {
    const windowStart = this.#dayStarts.at(-this.options.windowDays) ?? this.#dayStarts[0]!;
    const promised = this.#truth.since(windowStart);
    const result = await this.#retention(windowStart);
    this.lived.deletedBackups += result.deleted.length;
    this.lived.deletedWal += result.walDeleted.files;
    await expectReachable(this.shop, promised);
    for (let restore = 0; restore < this.options.restores; restore += 1) {
      const chosen = promised[Math.floor(this.#random() * promised.length)]!;
      const by = this.#random() < 0.5 ? 'time' : 'lsn';
      const from = (await expectRestored(this.shop, chosen, by)).join(' + ');
      this.lived.restoredFrom.push(from);
      this.options.tell?.(`  ${chosen.name} by ${by}, of ${promised.length} moments: from ${from}`);
    }
  }

  async #retention(windowStart: Date): Promise<RetentionResult> {
    const { repository, patient } = this.shop;
    const now = new Date();
    const since = (start: Date): number => now.getTime() - start.getTime();
    const settings = settingsOf({
      windowMs: since(windowStart),
      policyKeepMs: {
        daily_full: since(windowStart),
        hourly_incremental: since(this.#dayStarts.at(-1)!),
      },
      ...{ keepUnscheduledMs: 0, minFulls: 1, graceMs: this.options.grace === 'none' ? 0 : 1 },
    });
    const request: RetentionRequest = {
      ...{ repository, walDirectory: patient.walDirectory, ownWalDirectory: true, settings, now },
    };
    await markExpired(request, standaloneContext(`life/mark/${++this.#operations}`));
    return await deleteExpired(request, standaloneContext(`life/delete/${this.#operations}`));
  }
}
