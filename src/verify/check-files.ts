import { type Dirent } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { codeOf, messageOf } from '../errors.js';
import { keys, type Repository } from '../repository/repository.js';
import { type BackupRecord, backupRecordSchema } from '../schema/backup-record.js';
import { evidenceSchema } from '../schema/evidence.js';
import { sabotageEvidenceSchema } from '../schema/sabotage.js';
import type { RepositoryFinding } from '../schema/verification.js';
import { finding } from './finding.js';

/** What pgdrill keeps at the top of a repository; a new folder has its name added here. */
const known = new Set([
  'pgdrill.json',
  'README.txt',
  'backups',
  'wal',
  'fetched-wal',
  'evidence',
  'verify',
  'acknowledged',
  'failures',
  'holds',
  'retention',
  'stream.json',
  'stream-progress.jsonl',
  'stream-resume',
  'evidence-head.json',
  'report.html',
]);

const beingWritten = /(^\.)|\.partial-|\.lock(\.|$)/;

/** Names at the top of the repository that are not pgdrill's. */
export async function checkTop({ path }: Repository): Promise<RepositoryFinding[]> {
  return (await entries(path)).flatMap(({ name }) => {
    if (known.has(name) || name.endsWith('.lock')) return [];
    return [
      beingWritten.test(name)
        ? finding('left-over', name, `${name} is half-written.`)
        : finding('foreign-file', name, `${name} is not pgdrill’s.`),
    ];
  });
}

/** All records that can be read, oldest first; what else lies among the backups. */
export async function readRecords(
  repository: Repository,
): Promise<{ records: BackupRecord[]; findings: RepositoryFinding[] }> {
  const records: BackupRecord[] = [];
  const findings: RepositoryFinding[] = [];
  for (const entry of await entries(join(repository.path, keys.backups))) {
    const name = entry.name;
    if (beingWritten.test(name)) {
      findings.push(
        finding(
          'left-over',
          `backups/${name}`,
          `backups/${name} is a backup that is being taken, or was not finished.`,
        ),
      );
      continue;
    }
    if (!entry.isDirectory()) {
      findings.push(finding('foreign-file', `backups/${name}`, `backups/${name} is no backup.`));
      continue;
    }
    const text = await repository.storage.readText(keys.record(name));
    if (text === undefined) {
      findings.push(finding('backup-without-record', name, `backups/${name} has no record.json.`));
      continue;
    }
    const parsed = backupRecordSchema.safeParse(readJson(text));
    if (!parsed.success) {
      findings.push(
        finding('backup-record', name, `The record of backup ${name} is damaged: ${z.prettifyError(parsed.error)}`),
      );
      continue;
    }
    const fault = faultOf(parsed.data, name, repository);
    if (fault === undefined) records.push(parsed.data);
    else findings.push(finding('backup-record', name, `The record of backup ${name} is not its own: ${fault}.`));
  }
  return { records: records.sort((a, b) => a.startedAt.localeCompare(b.startedAt)), findings };
}

function faultOf(record: BackupRecord, name: string, { cluster, systemIdentifier }: Repository): string | undefined {
  if (record.id !== name) return `it is that of ${record.id}`;
  if (record.cluster !== cluster) return `it is of cluster "${record.cluster}"`;
  if (systemIdentifier !== undefined && record.systemIdentifier !== systemIdentifier)
    return `it is of system identifier ${record.systemIdentifier}, and this repository of ${systemIdentifier}`;
  return undefined;
}

/** What drills and sabotage drills left behind can still be read. */
export async function checkEvidence(repository: Repository): Promise<{ findings: RepositoryFinding[]; read: number }> {
  const findings: RepositoryFinding[] = [];
  let read = 0;
  for (const entry of await entries(join(repository.path, keys.evidences))) {
    const folder = keys.evidence(entry.name);
    if (beingWritten.test(entry.name)) continue;
    let any = false;
    for (const [file, schema] of [
      ['evidence.json', evidenceSchema],
      ['sabotage.json', sabotageEvidenceSchema],
    ] as const) {
      const text = await repository.storage.readText(`${folder}/${file}`).catch((error: unknown) => messageOf(error));
      if (text === undefined) continue;
      any = true;
      read += 1;
      const parsed = schema.safeParse(readJson(text));
      const fault = parsed.success
        ? parsed.data.cluster === repository.cluster
          ? undefined
          : `it is of cluster "${parsed.data.cluster}"`
        : z.prettifyError(parsed.error);
      if (fault !== undefined)
        findings.push(finding('evidence-damaged', `${folder}/${file}`, `${folder}/${file} cannot be used: ${fault}`));
    }
    if (!any) findings.push(finding('foreign-file', folder, `${folder} holds no evidence.`));
  }
  return { findings, read };
}

/** The history files of an archive; one that cannot be read has no text. */
export async function readHistories(directory: string, timelines: readonly number[]): Promise<Map<number, string>> {
  const texts = new Map<number, string>();
  for (const timeline of timelines) {
    const name = `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`;
    texts.set(timeline, await readFile(join(directory, name), 'utf8').catch(() => ''));
  }
  return texts;
}

async function entries(directory: string): Promise<Dirent[]> {
  try {
    return (await readdir(directory, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
