import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { codeOf, messageOf, PgdrillError, RepositoryError } from '../errors.js';
import { compareLsn } from '../postgres/lsn.js';
import { listManifestFiles, type ManifestFile, readManifest } from '../postgres/manifest.js';
import { verifyBackup } from '../postgres/verifybackup.js';
import { fetchBackup } from '../repository/fetch-backup.js';
import type { Repository } from '../repository/repository.js';
import type { BackupRecord } from '../schema/backup-record.js';
import type { RepositoryFinding } from '../schema/verification.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { createChecksum } from './checksum.js';
import { finding } from './finding.js';
import type { Looking } from './looking.js';

/** pg_verifybackup leaves these aside: they may change after the backup (its manual page). */
const leftAside = /^(postgresql\.auto\.conf|recovery\.signal|standby\.signal|backup_manifest|pg_wal(\/.*)?)$/;

/**
 * One backup: its manifest is the one that was recorded and says the same, every file is there and has its checksum. What pg_verifybackup
 * does at full speed is done in two parts: the tool looks at everything but the content; that is read here, at a bounded rate and so that
 * a retry goes on in the middle of a large backup.
 *
 * @returns findings, and how much was read.
 */
export async function checkBackup(
  tools: PostgresTools,
  repository: Repository,
  record: BackupRecord,
  looking: Looking,
): Promise<{ findings: RepositoryFinding[]; files: number; bytes: number }> {
  const { id } = record;
  looking.at(`looking at backup ${id}`);
  try {
    const data = join(await fetchBackup(repository, record), 'data');
    const findings = await compareManifest(data, record);
    findings.push(
      ...(await looking.once(`files ${id} ${record.manifestSha256}`, 0, () => checkFiles(tools, data, id, looking))),
    );
    const read = await checkChecksums(data, id, looking);
    return { ...read, findings: [...findings, ...read.findings] };
  } catch (error) {
    looking.signal.throwIfAborted();
    if (!(error instanceof RepositoryError)) throw error;
    return { findings: [finding('backup-manifest', id, error.explanation.what)], files: 0, bytes: 0 };
  }
}

async function compareManifest(data: string, record: BackupRecord): Promise<RepositoryFinding[]> {
  const manifest = await readManifest(data);
  const { id } = record;
  if (manifest.sha256 !== record.manifestSha256) {
    return [
      finding(
        'backup-manifest',
        id,
        `The manifest of backup ${id} is not the one that was recorded when it was taken.`,
      ),
    ];
  }
  const differs = (['systemIdentifier', 'timeline'] as const).filter(
    (key) => String(manifest[key]) !== String(record[key]),
  );
  const moved = (['startLsn', 'endLsn'] as const).filter((key) => compareLsn(manifest[key], record[key]) !== 0);
  return [...differs, ...moved].map((key) =>
    finding(
      'backup-record',
      `${id}/${key}`,
      `Backup ${id}: its record says ${key} ${record[key]}, its manifest ${manifest[key]}.`,
    ),
  );
}

/** Which files are there and how long they are, the manifest's own checksum, pg_control, and the WAL from start to end. */
async function checkFiles(
  tools: PostgresTools,
  data: string,
  id: string,
  looking: Looking,
): Promise<RepositoryFinding[]> {
  try {
    await verifyBackup(tools, data, id, looking.step, { skipChecksums: true });
    return [];
  } catch (error) {
    looking.signal.throwIfAborted();
    if (!(error instanceof PgdrillError) || error.retryable) throw error;
    // Damage that has grown since is another finding: an acknowledgement of the first does not cover it.
    const digest = createHash('sha256').update(error.explanation.what).digest('hex').slice(0, 8);
    return [finding('backup-files', `${id}/${digest}`, error.explanation.what)];
  }
}

async function checkChecksums(
  data: string,
  id: string,
  looking: Looking,
): Promise<{ findings: RepositoryFinding[]; files: number; bytes: number }> {
  const findings: RepositoryFinding[] = [];
  let [files, bytes] = [0, 0];
  for (const file of await listManifestFiles(data)) {
    if (leftAside.test(file.name)) continue;
    looking.at(`reading backup ${id}: ${file.name}`);
    const found = await looking.once(
      `content ${id} ${file.name} ${file.checksum?.value ?? ''}`,
      file.sizeBytes,
      async () => {
        const fault = await faultOf(data, file, looking);
        return fault === undefined
          ? null
          : finding('backup-checksum', `${id}/${file.name}`, `Backup ${id}, file ${file.name}: ${fault}.`);
      },
    );
    if (found !== null) findings.push(found);
    files += 1;
    bytes += file.sizeBytes;
  }
  return { findings, files, bytes };
}

/** What is wrong with a file's content; what is gone or of another length is pg_verifybackup's to say. */
async function faultOf(
  data: string,
  { path, sizeBytes, checksum }: ManifestFile,
  looking: Looking,
): Promise<string | undefined> {
  const sum = checksum === undefined ? undefined : createChecksum(checksum.algorithm);
  if (checksum !== undefined && sum === undefined) return `its checksum is of the unknown kind ${checksum.algorithm}`;
  let length = 0;
  try {
    const file = createReadStream(Buffer.concat([Buffer.from(`${data}/`), path]), { highWaterMark: 1_048_576 });
    for await (const chunk of file as AsyncIterable<Buffer>) {
      sum?.update(chunk);
      length += chunk.length;
      await looking.spent(chunk.length);
    }
  } catch (error) {
    looking.signal.throwIfAborted();
    return codeOf(error) === 'ENOENT' ? undefined : `it cannot be read: ${messageOf(error)}`;
  }
  if (length !== sizeBytes || sum === undefined || sum.digest() === checksum?.value) return undefined;
  return `its content is not what was backed up (${checksum?.algorithm ?? ''} checksum)`;
}

/**
 * How the backups hang together: each parent is there, and is the one that the incremental was taken on top of (backup_label). Links that
 * were judged unsafe are named.
 */
export async function checkChains(
  repository: Repository,
  records: readonly BackupRecord[],
): Promise<RepositoryFinding[]> {
  const byId = new Map(records.map((record) => [record.id, record]));
  const findings: RepositoryFinding[] = [];
  for (const record of records) {
    const { id, type, parent: parentId, unsafe } = record;
    if (unsafe !== undefined)
      findings.push(finding('backup-unsafe', id, `Backup ${id} is unsafe: ${unsafe.join(' ')}`));
    if (parentId === undefined) {
      if (type !== 'full')
        findings.push(finding('backup-chain', id, `Backup ${id} is ${type} and names no backup that it builds on.`));
      continue;
    }
    const parent = byId.get(parentId);
    if (parent === undefined) {
      findings.push(
        finding('backup-chain', id, `Backup ${parentId}, which ${id} builds on, is not in the repository.`),
      );
      continue;
    }
    const label = await readFile(
      join(repository.storage.pathOf(`backups/${id}`), 'data', 'backup_label'),
      'utf8',
    ).catch(() => '');
    const from = /^INCREMENTAL FROM LSN: (\S+)$/m.exec(label)?.[1];
    if (from !== undefined && compareLsn(from, parent.startLsn) !== 0) {
      findings.push(
        finding(
          'backup-chain',
          id,
          `Backup ${id} was taken on top of one that starts at ${from}; ${parentId}, which its record names, starts at ${parent.startLsn}.`,
        ),
      );
    }
  }
  return findings;
}
