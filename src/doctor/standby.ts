import { AccessError, UnreachableError } from '../errors.js';
import type { Conninfo } from '../postgres/conninfo.js';
import { type Connection, describeConninfo, fixHost, withConnection } from '../postgres/connection.js';
import { lsnDistanceBytes } from '../postgres/lsn.js';
import type { Source } from '../postgres/source.js';
import { readStandby, type Standby } from '../postgres/standby.js';
import { tookOver, whyNoStandby } from '../repository/backup-standby.js';
import { bytes } from '../schema/figures.js';
import type { Finding } from '../schema/results.js';
import { checkReplicationAccess } from './replication-access.js';

const name = 'backup_from';

/** Whether the server that backups are to be copied from is a standby of the cluster, set up for it, and how far it is behind. */
export async function checkStandby(
  primary: Connection,
  patient: { connection: Conninfo; backupFrom: Conninfo },
  source: Source,
): Promise<Finding[]> {
  let connection: Conninfo;
  let standby: Standby;
  try {
    connection = await fixHost(patient.backupFrom);
    standby = await withConnection(connection, readStandby);
  } catch (error) {
    if (!(error instanceof UnreachableError || error instanceof AccessError)) throw error;
    const { what, todo } = error.explanation;
    return [{ name, level: 'error', message: `No backup can be taken from the standby: ${what}`, fix: todo }];
  }
  if (tookOver(standby, await readStandby(primary), { primaries: patient.connection, standby: connection })) {
    return [
      {
        name,
        level: 'warning',
        message: `${describeConninfo(connection)} was promoted and is the primary now: backups are copied from it, which loads it.`,
        fix: 'Name a standby of this cluster in backup_from, or take it out.',
      },
    ];
  }
  const reason = whyNoStandby(standby, source);
  if (reason !== undefined) {
    return [
      {
        name,
        level: 'error',
        message: `${describeConninfo(connection)} ${reason}.`,
        fix: 'Name a standby of this cluster in backup_from, or take it out: then backups are taken from the primary.',
      },
    ];
  }
  const { rows } = await primary.query<{ lsn: string; may: boolean }>(
    `select pg_current_wal_flush_lsn()::text as lsn, pg_has_role('pg_checkpoint', 'usage') as may`,
  );
  const access = await checkReplicationAccess(connection);
  return [
    ...settingFindings(standby),
    ...(access.level === 'ok' ? [] : [{ ...access, message: `On the standby: ${access.message}` }]),
    {
      name,
      level: standby.applyDelay ? 'error' : 'ok',
      message: standby.applyDelay
        ? 'The standby stays behind on purpose (recovery_min_apply_delay): its backups would be of the past.'
        : `${describeConninfo(connection)} is a standby of this cluster, ${bytes(lsnDistanceBytes(standby.replayedLsn, rows[0]?.lsn ?? standby.replayedLsn))} behind the primary`,
      ...(standby.applyDelay ? { fix: 'Name another standby in backup_from.' } : {}),
    },
    ...(rows[0]?.may === true ? [] : [checkpointAdvice]),
  ];
}

/** A standby has its own settings: those of the primary say nothing. */
function settingFindings({ summarizeWal, maxWalSenders }: Standby): Finding[] {
  return [
    ...(summarizeWal
      ? []
      : [
          {
            name: `${name}: summarize_wal`,
            level: 'error' as const,
            message: 'summarize_wal is off on the standby: there would be no incremental backups.',
            fix: 'On the standby: alter system set summarize_wal = on; select pg_reload_conf();',
          },
        ]),
    ...(maxWalSenders >= 3
      ? []
      : [
          {
            name: `${name}: max_wal_senders`,
            level: 'error' as const,
            message: `max_wal_senders is ${maxWalSenders} on the standby: a backup needs two of them.`,
            fix: 'On the standby: alter system set max_wal_senders = 10; then restart it.',
            needsRestart: true,
          },
        ]),
  ];
}

const checkpointAdvice: Finding = {
  name: `${name}: checkpoint`,
  level: 'warning',
  message:
    'Our role may not make a checkpoint on the primary: an incremental from the standby waits for the next one by itself (up to checkpoint_timeout) where little is written.',
  fix: 'grant pg_checkpoint to the role, if that wait matters.',
};
