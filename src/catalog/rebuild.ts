import { messageOf } from '../errors.js';
import type { Connection } from '../postgres/connection.js';
import { listFailures } from '../repository/failures.js';
import { keys, type Repository } from '../repository/repository.js';
import { type BackupRecord, backupRecordSchema } from '../schema/backup-record.js';
import { evidenceSchema } from '../schema/evidence.js';
import { sabotageEvidenceSchema } from '../schema/sabotage.js';
import { verificationSchema } from '../schema/verification.js';
import { eventOfBackup, eventOfFailedBackup, eventOfRun, eventOfSabotage, eventOfVerification } from './events.js';
import { recordBackup, recordFailedBackup } from './record-backup.js';
import { mendEvent, type MonitoringEvent } from './record-event.js';
import { recordRecovery } from './record-recovery.js';

/** How many of each were found in a repository, and what could not be read. */
export interface Rebuilt {
  cluster: string;
  backups: number;
  failedBackups: number;
  recoveries: number;
  sabotageDrills: number;
  verifications: number;
  /** As sentences. */
  unreadable: string[];
}

/** Something that happened, and how it goes into the catalog. */
interface Told {
  kind: Exclude<keyof Rebuilt, 'cluster' | 'unreadable'>;
  at: string;
  write: (client: Connection) => Promise<void>;
}

/**
 * Fills the catalog from a repository alone: backups, failed backups, drills, recoveries, sabotage drills, verifications, and the events that
 * each of them is told by. Rows have the keys that live recording gives them, so what is there already is mended and not written twice.
 * Nothing is removed: what the repository has forgotten (a backup that expired) stays history.
 */
export async function rebuild(client: Connection, repository: Repository): Promise<Rebuilt> {
  const rebuilt: Rebuilt = {
    ...{
      cluster: repository.cluster,
      backups: 0,
      failedBackups: 0,
      recoveries: 0,
      sabotageDrills: 0,
      verifications: 0,
    },
    unreadable: [],
  };
  const told: Told[] = [];
  const read = async (name: string, parse: (json: unknown) => Told): Promise<boolean> => {
    try {
      const text = await repository.storage.readText(name);
      if (text === undefined) return false;
      told.push(parse(JSON.parse(text)));
    } catch (error) {
      rebuilt.unreadable.push(`${name}: ${messageOf(error).split('\n')[0] ?? ''}`);
    }
    return true;
  };
  for (const id of await repository.storage.list(keys.backups)) {
    await read(keys.record(id), (json) => tellBackup(backupRecordSchema.parse(json), repository));
  }
  for (const id of await repository.storage.list(keys.evidences)) {
    const path = `${keys.evidence(id)}/evidence.json`;
    await read(path, (json) => {
      const evidence = evidenceSchema.parse(json);
      return {
        kind: 'recoveries',
        at: evidence.finishedAt,
        write: async (catalog) => {
          await recordRecovery(catalog, evidence, { evidencePath: repository.storage.pathOf(path) });
          await mend(catalog, eventOfRun(evidence), evidence);
        },
      };
    });
    await read(`${keys.evidence(id)}/sabotage.json`, (json) => {
      const evidence = sabotageEvidenceSchema.parse(json);
      return {
        kind: 'sabotageDrills',
        at: evidence.finishedAt,
        write: (catalog) => mend(catalog, eventOfSabotage(evidence), evidence),
      };
    });
  }
  for (const name of (await repository.storage.list('verify')).filter((each) => each.endsWith('.json'))) {
    await read(`verify/${name}`, (json) => {
      const report = verificationSchema.parse(json);
      return {
        kind: 'verifications',
        at: report.finishedAt,
        write: (catalog) => mendEvent(catalog, eventOfVerification(report)),
      };
    });
  }
  for (const failure of await listFailures(repository)) {
    told.push({
      kind: 'failedBackups',
      at: failure.finishedAt,
      write: async (catalog) => {
        await recordFailedBackup(catalog, failure);
        await mendEvent(catalog, eventOfFailedBackup(failure));
      },
    });
  }
  // In the order in which it happened, so that the newest has the highest number.
  for (const each of told.sort((a, b) => a.at.localeCompare(b.at))) {
    await each.write(client);
    rebuilt[each.kind] += 1;
  }
  return rebuilt;
}

function tellBackup(record: BackupRecord, repository: Repository): Told {
  const path = repository.storage.pathOf(keys.backup(record.id));
  return {
    kind: 'backups',
    at: record.finishedAt,
    write: async (catalog) => {
      await recordBackup(catalog, record, { path, workflowId: workflowOf(record.operation) });
      await mendEvent(catalog, eventOfBackup(record));
    },
  };
}

/** An operation is `<workflow id>/<run id>/<activity>`; a workflow id may have slashes itself. */
function workflowOf(operation: string): string {
  return operation.split('/').slice(0, -2).join('/') || operation;
}

/** An event of a run that an earlier pgdrill has told by the name of its activity is the same event. */
async function mend(
  client: Connection,
  event: MonitoringEvent,
  { workflowId, runId }: { workflowId: string; runId: string },
): Promise<void> {
  await client.query(
    `update pgdrill.monitoring_events set operation = $1
     where kind = $2 and starts_with(operation, $3) and operation <> $1
       and not exists (select from pgdrill.monitoring_events where operation = $1)`,
    [event.operation, event.kind, `${workflowId}/${runId}/`],
  );
  await mendEvent(client, event);
}
