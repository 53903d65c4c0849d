import { userInfo } from 'node:os';

import type { Command } from 'commander';

import { clusterOf } from '../configuration/cluster.js';
import { type ExitCode, exitCodes, UsageError } from '../errors.js';
import { holdBackup } from '../repository/hold-backup.js';
import { isInForce, listHolds, releaseHold } from '../repository/holds.js';
import { openRepository } from '../repository/repository.js';
import { type Hold, holderOf } from '../schema/hold.js';
import { parseDurationMs } from '../schema/primitives.js';
import { loadFor } from './context.js';
import { globalOptions } from './global-options.js';
import { renderTable } from './table.js';
import { minute } from '../schema/figures.js';
import { colors, print, printJson } from './terminal.js';

interface HoldOptions {
  until?: string;
  reason?: string;
  wal?: boolean;
}

export async function hold(cluster: string, backup: string, options: HoldOptions, command: Command): Promise<ExitCode> {
  const repository = await openRepository(clusterOf(await loadFor(command), cluster));
  const hold = await holdBackup(repository, {
    backup,
    by: userInfo().username,
    reason: options.reason ?? 'no reason was given',
    until: options.until === undefined ? undefined : momentOf(options.until),
    withWal: options.wal === true,
  });
  if (globalOptions(command).json === true) printJson(hold);
  else {
    print(
      `${hold.id} holds ${backup} and all that it builds on, ${hold.until === undefined ? `until: pgdrill release ${cluster} ${hold.id}` : `until ${minute(hold.until)}`}`,
    );
  }
  return exitCodes.done;
}

export async function holds(cluster: string | undefined, _options: unknown, command: Command): Promise<ExitCode> {
  const loaded = await loadFor(command);
  const holds: Hold[] = [];
  for (const name of cluster === undefined ? Object.keys(loaded.configuration.clusters) : [cluster])
    holds.push(...(await listHolds(await openRepository(clusterOf(loaded, name)))));
  if (globalOptions(command).json === true) printJson(holds);
  else if (holds.length === 0) print('Nothing is held.');
  else print(renderTable(holds.map(rowOf), ['HOLD', 'CLUSTER', 'BY', 'WHAT', 'UNTIL', 'REASON']));
  return exitCodes.done;
}

export async function release(cluster: string, id: string, _options: unknown, command: Command): Promise<ExitCode> {
  const repository = await openRepository(clusterOf(await loadFor(command), cluster));
  const known = await listHolds(repository);
  if (!known.some((hold) => hold.id === id) || !(await releaseHold(repository, id))) {
    throw new UsageError({
      what: `There is no hold ${id} in ${repository.path}.`,
      means: 'Nothing was released.',
      todo: known.length === 0 ? 'Nothing is held.' : `Holds are: ${known.map((hold) => hold.id).join(', ')}.`,
    });
  }
  if (globalOptions(command).json === true) printJson({ released: id });
  else print(`Released ${id}.`);
  return exitCodes.done;
}

function rowOf(hold: Hold): string[] {
  const wal = hold.wal === undefined ? [] : [`WAL from ${hold.wal.from}`];
  const what = hold.everything ? 'everything' : [...hold.backups.slice(-1), ...wal].join(', ');
  const over = isInForce(hold, new Date()) ? '' : colors.yellow(' (over)');
  const until = hold.until === undefined ? 'it is released' : `${minute(hold.until)}${over}`;
  return [hold.id, hold.cluster, holderOf(hold), what, until, hold.reason];
}

function momentOf(text: string): Date {
  const ms = parseDurationMs(text);
  if (ms !== undefined) return new Date(Date.now() + ms);
  const moment = /^\d{4}-\d\d-\d\d(T.*(Z|[+-]\d\d:?\d\d))?$/.test(text) ? new Date(text) : undefined;
  if (moment !== undefined && !Number.isNaN(moment.getTime())) return moment;
  throw new UsageError({
    what: `--until ${text} is no moment.`,
    means: 'Nothing is held.',
    todo: 'Write a duration (36h, 90d), a day in UTC (2027-01-31), or a moment with its time zone (2027-01-31T12:00:00Z).',
  });
}
