import { setTimeout as sleep } from 'node:timers/promises';

import { PromotedError, SourceNotReadyError } from '../errors.js';
import { type Conninfo, resolveService } from '../postgres/conninfo.js';
import { type Connection, describeConninfo, withConnection } from '../postgres/connection.js';
import { namesOnly } from '../postgres/hosts.js';
import { compareLsn, lsnDistanceBytes } from '../postgres/lsn.js';
import type { Source } from '../postgres/source.js';
import { readStandby, type Standby } from '../postgres/standby.js';
import type { StepContext } from '../process/step-context.js';
import { bytes } from '../schema/figures.js';

/** So long a standby may take to replay what the primary had when the backup was ordered. */
const usualMostLagMs = 120_000;

/** What a backup that is copied from a standby has from there, and not from the primary. */
export type CopiedFrom = Pick<Standby, 'serverVersion' | 'serverVersionNumber'> & { summaryKeepTime: string };

/**
 * Makes sure that a server may stand in for the primary in a backup: a standby of this very cluster, on the primary's timeline, that has
 * replayed what the primary has now. For an incremental it waits for a checkpoint behind the parent's end, since a backup from a standby
 * begins at the last one that was replayed, and the server refuses one that begins before its parent's end.
 *
 * @param request.parentEnd of the backup that is to be built on.
 * @returns undefined where it has taken over, and is the primary by now.
 * @throws SourceNotReadyError that says why it will not do; PromotedError where it is promoted while it is waited for.
 */
export async function readyStandby(
  request: {
    primary: Conninfo;
    /** All servers that may be the primary. */
    primaries: Conninfo;
    standby: Conninfo;
    source: Source;
    parentEnd: string | undefined;
    mostLagMs?: number | undefined;
  },
  context: StepContext,
): Promise<CopiedFrom | undefined> {
  const { source, parentEnd, mostLagMs = usualMostLagMs } = request;
  const { signal } = context;
  const where = describeConninfo(request.standby);
  const known = await withConnection(request.standby, readStandby, { signal });
  const primary = await withConnection(request.primary, readStandby, { signal });
  if (tookOver(known, primary, request)) return undefined;
  const reason = whyNoStandby(known, source);
  if (reason !== undefined) throw notReady(where, reason);
  const lsn = await withConnection(
    request.primary,
    async (client) => {
      if (parentEnd !== undefined) await checkpointBehind(client, parentEnd, context);
      const { rows } = await client.query<{ lsn: string }>(`select pg_current_wal_flush_lsn()::text as lsn`);
      return rows[0]?.lsn ?? '0/0';
    },
    { signal },
  );
  await withConnection(request.standby, (client) => waitForReplay(client, { where, lsn, mostLagMs }, context), {
    signal,
  });
  const { serverVersion, serverVersionNumber, summaryKeepTime } = known;
  return { serverVersion, serverVersionNumber, summaryKeepTime };
}

/** Why a server cannot be copied in the place of the primary; undefined where it can. */
export function whyNoStandby(
  standby: Standby,
  primary: Pick<Source, 'systemIdentifier' | 'timeline' | 'serverVersionNumber'>,
): string | undefined {
  if (standby.systemIdentifier !== primary.systemIdentifier)
    return `has system identifier ${standby.systemIdentifier}, the primary ${primary.systemIdentifier}: it is another cluster`;
  if (!standby.inRecovery) return 'is no standby (not in recovery): it was promoted, or it is the primary itself';
  if (standby.timeline !== null && standby.timeline !== primary.timeline)
    return `follows timeline ${standby.timeline}, the primary is on ${primary.timeline}`;
  if (Math.floor(standby.serverVersionNumber / 10_000) !== Math.floor(primary.serverVersionNumber / 10_000))
    return 'is of another major version than the primary';
  return undefined;
}

/**
 * Whether the server that backups are copied from was promoted and is the primary itself: then it is copied as such, since nothing else would
 * be backed up until somebody notices. Where the cluster's connection never named another server, it is a mistake in the configuration instead.
 */
export function tookOver(
  standby: Standby,
  primary: Standby,
  connections: { primaries: Conninfo; standby: Conninfo },
): boolean {
  const [primaries, itself] = [connections.primaries, connections.standby].map((each) => resolveService(each));
  const same = standby.systemIdentifier === primary.systemIdentifier && standby.startedAt === primary.startedAt;
  return same && !standby.inRecovery && !namesOnly(primaries ?? {}, itself ?? {});
}

/** @returns what to tell of a copy that failed because its server was promoted; undefined where it was not. */
export async function promotedMeanwhile(standby: Conninfo, cause: unknown): Promise<PromotedError | undefined> {
  // pg_basebackup may have noticed something else first, such as the end of the WAL that it received.
  const now = await withConnection(standby, readStandby).catch(() => undefined);
  return now === undefined || now.inRecovery ? undefined : promoted(describeConninfo(standby), cause);
}

function promoted(where: string, cause?: unknown): PromotedError {
  return new PromotedError(
    {
      what: `The standby that was being backed up (backup_from: ${where}) was promoted in the middle of it.`,
      means: 'PostgreSQL gives such a backup up. Nothing of it is used; earlier backups are as good as before.',
      todo: 'Nothing, if it took over: the next try copies it as the primary that it is now, with a full where its chain cannot go on. If the old primary is alive, name another standby in backup_from, or take it out.',
    },
    { cause },
  );
}

/**
 * A primary makes a checkpoint every `checkpoint_timeout` as long as anything is written, which a restore point sees to. Where our role may
 * (pg_checkpoint), it is made at once.
 */
async function checkpointBehind(client: Connection, lsn: string, context: StepContext): Promise<void> {
  const read = async (): Promise<{ redo: string; timeout: number; may: boolean }> => {
    const { rows } = await client.query<{ redo: string; timeout: number; may: boolean }>(
      `select redo_lsn::text as redo,
              extract(epoch from current_setting('checkpoint_timeout')::interval)::float8 as timeout,
              pg_has_role('pg_checkpoint', 'usage') as may
         from pg_control_checkpoint()`,
    );
    return rows[0] ?? { redo: '0/0', timeout: 0, may: false };
  };
  const first = await read();
  if (compareLsn(first.redo, lsn) >= 0) return;
  await client.query(`select pg_create_restore_point('pgdrill-standby-backup')`);
  if (first.may) await client.query('checkpoint');
  const deadline = performance.now() + (2 * first.timeout + 60) * 1_000;
  while (compareLsn((await read()).redo, lsn) < 0) {
    context.signal.throwIfAborted();
    if (performance.now() > deadline) {
      throw new SourceNotReadyError({
        what: `The primary has made no checkpoint behind ${lsn} in twice its checkpoint_timeout.`,
        means:
          'An incremental backup from a standby begins at a checkpoint, and that has to lie behind its parent’s end.',
        todo: 'Let pgdrill make one: grant pg_checkpoint to its role.',
      });
    }
    context.progress({ doing: 'waiting for the primary’s next checkpoint (granting pg_checkpoint saves that)' });
    await sleep(1_000, undefined, { signal: context.signal }).catch(() => undefined);
  }
}

async function waitForReplay(
  client: Connection,
  { where, lsn, mostLagMs }: { where: string; lsn: string; mostLagMs: number },
  context: StepContext,
): Promise<void> {
  const deadline = performance.now() + mostLagMs;
  for (;;) {
    context.signal.throwIfAborted();
    const { replayedLsn, applyDelay, inRecovery } = await readStandby(client);
    if (!inRecovery) throw promoted(where);
    if (compareLsn(replayedLsn, lsn) >= 0) return;
    const behind = bytes(lsnDistanceBytes(replayedLsn, lsn));
    if (performance.now() > deadline || applyDelay) {
      throw notReady(
        where,
        applyDelay
          ? `is ${behind} behind the primary, on purpose (recovery_min_apply_delay)`
          : `is ${behind} behind the primary after ${mostLagMs / 1_000} s: it has replayed up to ${replayedLsn} of ${lsn}`,
      );
    }
    context.progress({ doing: `waiting for the standby, which is ${behind} behind` });
    await sleep(200, undefined, { signal: context.signal }).catch(() => undefined);
  }
}

function notReady(where: string, reason: string): SourceNotReadyError {
  return new SourceNotReadyError({
    what: `The server that backups are to be taken from (backup_from: ${where}) ${reason}.`,
    means: 'A backup from there would be of another cluster, of another timeline, or of the past.',
    todo: 'Correct backup_from, or mend the standby (pg_stat_wal_receiver there says what it follows). Without backup_from, backups are taken from the primary.',
  });
}
