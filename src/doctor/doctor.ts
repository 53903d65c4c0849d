import { messageOf, PgdrillError, SourceNotReadyError } from '../errors.js';
import { explainDisk } from '../files/explain-disk.js';
import type { Conninfo } from '../postgres/conninfo.js';
import { type Connection, withConnection } from '../postgres/connection.js';
import { readSource } from '../postgres/source.js';
import type { StepContext } from '../process/step-context.js';
import { refuseOldPrimary } from '../repository/old-primary.js';
import { claimFor, listBackups, openOrCreateRepository, openRepository } from '../repository/repository.js';
import type { Wal } from '../repository/wal-mode.js';
import type { Finding } from '../schema/results.js';
import { checkArchiveGaps } from './archive-gaps.js';
import { proveArchiving } from './archiver.js';
import { adviseOnFaults } from './fault-prevention.js';
import { checkForeignGaps } from './foreign-gaps.js';
import { adviseOnLocks } from './locks.js';
import { checkPrivileges } from './privileges.js';
import { checkReplicationAccess } from './replication-access.js';
import { checkRoom } from './room.js';
import { checkRestoreCommand } from './restore-command.js';
import { checkSettings } from './settings.js';
import { checkStandby } from './standby.js';
import { checkStream } from './stream.js';

/** What the doctor needs of a cluster's configuration. */
export interface Patient {
  name: string;
  connection: Conninfo;
  /** The standby that backups copy; absent: the primary. */
  backupFrom?: Conninfo;
  repository: string;
  walDirectory: string;
  /** False where `wal.directory` names an archive that somebody else fills. */
  ownWalDirectory: boolean;
  sandboxDirectory: string;
  archiveTimeoutMs: number;
  /** How WAL is kept; archived by the server where absent. */
  wal?: Wal;
}

/**
 * Examines a cluster: version, settings, privileges, room, gaps in the archived WAL, and whether WAL really arrives.
 *
 * @returns all findings; those of level `error` keep a drill from working.
 * @throws UnreachableError, AccessError, SourceNotReadyError (too old, a standby).
 */
export async function examine(patient: Patient, context: StepContext): Promise<Finding[]> {
  return await withConnection(
    patient.connection,
    async (client) => {
      const source = await readSource(client);
      const findings: Finding[] = [{ name: 'version', level: 'ok', message: `PostgreSQL ${source.serverVersion}` }];
      const privileges = await checkPrivileges(client);
      findings.push(...privileges);
      if (!privileges.some(({ name }) => name === 'replication'))
        findings.push(await checkReplicationAccess(patient.connection));
      findings.push(...(await checkSettings(client, archiveOf(patient), patient.wal?.mode)));
      if (patient.wal?.mode === 'command')
        findings.push(await checkRestoreCommand(patient.wal, patient.walDirectory, context.signal));
      if (patient.wal?.mode === 'stream') findings.push(...(await checkStream(client, patient.name, patient.wal)));
      if (patient.backupFrom !== undefined)
        findings.push(...(await checkStandby(client, { ...patient, backupFrom: patient.backupFrom }, source)));
      findings.push(...(await adviseOnFaults(client)));
      findings.push(...(await adviseOnLocks(client)));
      findings.push(...(await checkRoom(client, patient.repository, patient.sandboxDirectory)));
      try {
        const repository = await openRepository(patient);
        await claimFor(repository, source.systemIdentifier);
        refuseOldPrimary(source, await listBackups(repository));
        findings.push({
          name: 'repository',
          level: 'ok',
          message: `${patient.repository} is the repository of ${patient.name}`,
        });
        const { wal, walDirectory } = patient;
        if (wal?.mode !== 'command')
          findings.push(...(await checkArchiveGaps(repository, walDirectory, context.signal)));
        else if (findings.some(({ name, level }) => name === 'restore_command' && level === 'ok'))
          findings.push(...(await checkForeignGaps(client, source, { repository, walDirectory, wal }, context)));
      } catch (thrown) {
        const error = explainDisk(thrown);
        findings.push({
          name: 'repository',
          level: 'error',
          message: error instanceof PgdrillError ? error.explanation.what : messageOf(error),
          fix: error instanceof PgdrillError ? error.explanation.todo : `pgdrill doctor ${patient.name} --fix`,
        });
      }
      const blocking = findings.some(({ level }) => level === 'error');
      if (blocking)
        findings.push({ name: 'archiving', level: 'warning', message: 'not tried: the errors above come first' });
      else {
        try {
          findings.push(await proveArchiving(client, source, patient, context));
        } catch (error) {
          if (!(error instanceof SourceNotReadyError)) throw error;
          findings.push({
            name: 'archiving',
            level: 'error',
            message: error.explanation.what,
            fix: error.explanation.todo,
          });
        }
      }
      return findings;
    },
    { signal: context.signal },
  );
}

/** The directory that the server is to archive into; undefined where that is not ours to say. */
function archiveOf({ ownWalDirectory, walDirectory, wal }: Patient): string | undefined {
  return ownWalDirectory && (wal === undefined || wal.mode === 'archive') ? walDirectory : undefined;
}

/** The examination as a step of a workflow: any error ends it. @throws SourceNotReadyError that lists every error with its fix. */
export async function examineOrThrow(patient: Patient, context: StepContext): Promise<Finding[]> {
  const findings = await examine(patient, context);
  const errors = findings.filter(({ level }) => level === 'error');
  if (errors.length === 0) return findings;
  throw new SourceNotReadyError({
    what: `Cluster ${patient.name} is not ready: ${errors.map(({ message }) => message).join(' ')}`,
    means: 'A backup or drill would fail, or prove less than it seems to.',
    todo: `${errors
      .map(({ fix }) => fix ?? '')
      .filter(Boolean)
      .join(' ')} — or run: pgdrill doctor ${patient.name} --fix`,
  });
}

/**
 * Applies the fixes that SQL can apply (ALTER SYSTEM, grants) and lays the repository out. Never restarts a server: what needs it is said.
 *
 * @param asConnection the connection to run the fixes with, usually a superuser's.
 * @returns what was done, and what is left to people.
 */
export async function applyFixes(
  patient: Patient,
  asConnection: Conninfo,
): Promise<{ done: string[]; left: string[] }> {
  const done: string[] = [];
  const left: string[] = [];
  await withConnection(patient.connection, readSource); // refuses what cannot be mended: too old, a standby
  await openOrCreateRepository(patient);
  done.push(`repository ${patient.repository} is laid out`);
  const findings = await withConnection(patient.connection, async (client) => [
    ...(await checkPrivileges(client)),
    ...(await checkSettings(client, archiveOf(patient), patient.wal?.mode)),
  ]);
  const errors = findings.filter(({ level, fix }) => level === 'error' && fix !== undefined);
  await withConnection(asConnection, async (client) => {
    for (const { fix = '', needsRestart } of errors) {
      if (!/^(alter|grant) /.test(fix)) {
        left.push(fix);
        continue;
      }
      if (fix.includes('basic_archive.')) await client.query(`load 'basic_archive'`).catch(() => undefined); // else its setting is unknown
      await client.query(fix);
      done.push(needsRestart === true ? `${fix} -- needs a restart` : fix);
      if (needsRestart === true && !left.includes(restart)) left.push(restart);
    }
    await reload(client);
  });
  return { done, left };
}

const restart = 'Restart the server: some settings take effect only then.';

async function reload(client: Connection): Promise<void> {
  await client.query(`select pg_reload_conf()`);
}
