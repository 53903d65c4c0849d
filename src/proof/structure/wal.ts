import { bytes, count } from '../../schema/figures.js';
import type { Check, Sandbox } from '../../schema/results.js';
import { readSandboxRecord } from '../../restore/sandbox.js';

/**
 * The check `wal`: that the repository's WAL from the last backup's end to the target was read record by record, checksums and all,
 * before it was replayed. Where it cannot be read nothing is restored, so this check is never `failed`: the drill is, naming segment
 * and LSN. Here stands what was read.
 */
export async function checkWal(sandbox: Pick<Sandbox, 'directory'>): Promise<Check> {
  const read = (await readSandboxRecord(sandbox.directory))?.wal;
  if (read === undefined) {
    const summary = "The sandbox's record does not say that the WAL was read.";
    return { name: 'wal', status: 'unproven', summary, figures: {}, problems: [], seconds: 0 };
  }
  return {
    name: 'wal',
    status: 'passed',
    summary:
      read.records === 0
        ? `No WAL lies between the backup's end ${read.from} and the target.`
        : `All ${count(read.records)} records (${bytes(read.bytes)}) from ${read.from} to ${read.to} are readable.`,
    figures: { records: read.records, bytes: read.bytes },
    problems: [],
    seconds: read.seconds,
  };
}
