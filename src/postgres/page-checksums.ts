import { ToolError } from '../errors.js';
import { runTool } from '../process/run-tool.js';
import type { StepContext } from '../process/step-context.js';
import { type PostgresTools, toolEnvironment, toolPath } from '../toolchain/postgres.js';

/** A file with pages that are not as their checksums say, by its path below the data directory. */
export interface DamagedFile {
  path: string;
  pages: number;
  /** Of the first one: the block in this file, or why the file could not be read. */
  first: string;
}

export interface PageChecksums {
  files: number;
  pages: number;
  damaged: DamagedFile[];
}

/**
 * Checks every page of every relation file with `pg_checksums --check`. The server must have been stopped cleanly: pages that WAL
 * would still mend must not count as damaged.
 *
 * @param lockPath where to write down that it runs, so that clean-up can end it.
 * @throws ToolError where it could not do its work, such as on a cluster without checksums or one that was not shut down.
 */
export async function verifyPageChecksums(
  tools: PostgresTools,
  dataDirectory: string,
  lockPath: string,
  context: StepContext,
): Promise<PageChecksums> {
  const damaged = new Map<string, DamagedFile>();
  const note = (file: string, first: string): void => {
    const path = file.startsWith(`${dataDirectory}/`) ? file.slice(dataDirectory.length + 1) : file;
    const known = damaged.get(path);
    damaged.set(path, { path, pages: (known?.pages ?? 0) + 1, first: known?.first ?? first });
  };
  const { stdout, stderr, exitCode } = await runTool({
    file: toolPath(tools, 'pg_checksums'),
    args: ['--check', '--progress', `--pgdata=${dataDirectory}`],
    env: toolEnvironment(tools),
    signal: context.signal,
    lock: { path: lockPath, operation: context.operation, attempt: context.attempt },
    answers: [0, 1],
    onStderrLine: (line) => {
      const [, doneMb, totalMb] = /(\d+)\/(\d+) MB \(/.exec(line) ?? [];
      if (doneMb !== undefined && totalMb !== undefined) {
        const [doneBytes, totalBytes] = [Number(doneMb) * 2 ** 20, Number(totalMb) * 2 ** 20];
        context.progress({ doing: 'checking page checksums', doneBytes, totalBytes });
      }
      const found = parseChecksumError(line);
      if (found !== undefined) note(found.file, found.what);
    },
  });
  // It ends with 1 for damage as well as for not having looked at all.
  if (exitCode !== 0 && damaged.size === 0)
    throw new ToolError({ name: 'pg_checksums', exitCode, signal: undefined, stderrTail: stderr.slice(-2_000) });
  const count = (label: string): number => Number(new RegExp(`^${label}:\\s*(\\d+)$`, 'm').exec(stdout)?.[1] ?? 0);
  return { files: count('Files scanned'), pages: count('Blocks scanned'), damaged: [...damaged.values()] };
}

/** A line of pg_checksums that names a file whose pages are not as they should be; undefined for any other line. */
export function parseChecksumError(line: string): { file: string; what: string } | undefined {
  const wrong =
    /checksum verification failed in file "(.*)", block (\d+): calculated checksum (\w+) but block contains (\w+)/.exec(
      line,
    );
  if (wrong !== null) {
    const [, file = '', block, calculated, contained] = wrong;
    return { file, what: `block ${block}: its checksum is ${calculated}, the page says ${contained}` };
  }
  // A file that ends in the middle of a page. pg_checksums gives up there.
  const short = /could not read block (\d+) in file "(.*)": (.*)$/.exec(line);
  return short === null ? undefined : { file: short[2] ?? '', what: `block ${short[1]} cannot be read: ${short[3]}` };
}
