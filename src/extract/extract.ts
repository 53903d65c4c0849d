import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, copyFile, lstat, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { codeOf, UsageError } from '../errors.js';
import { asStorageError, exists, fsyncPath, makePrivateDirectory, writeFileDurably } from '../files/durable.js';
import { formatConninfo } from '../postgres/conninfo.js';
import { runTool } from '../process/run-tool.js';
import type { StepContext } from '../process/step-context.js';
import { runSandbox } from '../restore/open.js';
import { sandboxConninfo } from '../restore/sandbox.js';
import { type DumpFormat, type Extracted, extractedSchema, type TableName } from '../schema/extraction.js';
import type { Sandbox } from '../schema/results.js';
import { type PostgresTools, toolEnvironment, toolPath } from '../toolchain/postgres.js';
import { findTables } from './find-tables.js';
import { asPattern } from './table-name.js';

export interface ExtractRequest {
  sandbox: Sandbox;
  /** The file to write. */
  into: string;
  database: string;
  tables: readonly TableName[];
  format: DumpFormat;
}

/** How many bytes of a dump there are is told this often. */
const lookEveryMs = 500;

/**
 * Takes tables, or a whole database, out of a sandbox into a file: readable by its owner alone, there as a whole or not at all. A retry
 * of finished work answers the same.
 *
 * @throws UsageError when something of it does not exist, or the file does already.
 */
export async function extract(tools: PostgresTools, request: ExtractRequest, context: StepContext): Promise<Extracted> {
  const { sandbox, into } = request;
  const directory = join(sandbox.directory, 'extracted');
  const dump = join(directory, 'dump');
  const marker = join(directory, 'extracted.json');
  const finished = await readMarker(marker);
  // The marker is written before the file gets its name: one that is there and is ours was finished by an attempt that died then.
  if (finished !== undefined && (await exists(into)) && (await sha256Of(into)) === finished.sha256) return finished;
  await refuseExisting(into);
  await runSandbox(tools, sandbox, context);
  await findTables(sandbox, request, context.signal);
  await rm(directory, { recursive: true, force: true });
  await makePrivateDirectory(directory);
  await runDump(tools, request, dump, context);
  if (request.format === 'custom') {
    context.progress({ doing: 'reading the dump back' });
    const env = toolEnvironment(tools);
    await runTool({ file: toolPath(tools, 'pg_restore'), args: ['--list', dump], env, signal: context.signal });
  }
  const { size } = await stat(dump);
  const { database, tables, format } = request;
  const extracted = { path: into, bytes: size, sha256: await sha256Of(dump), database, tables: [...tables], format };
  await writeFileDurably(marker, JSON.stringify(extracted));
  await publish(dump, into, context.attempt);
  return extracted;
}

/** Before anything is restored for it. @throws UsageError when the file is there, or cannot be made there. */
export async function refuseExisting(into: string): Promise<void> {
  const there = await lstat(into).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  });
  if (there !== undefined) {
    throw new UsageError({
      what: `${into} exists.`,
      means: 'It would be overwritten; pgdrill never does that. Nothing was started.',
      todo: 'Name a file that does not exist.',
    });
  }
  if (await exists(dirname(into))) return;
  throw new UsageError({
    what: `The directory ${dirname(into)} does not exist.`,
    means: 'The file could not be written there. Nothing was started.',
    todo: 'Make it, or name another place.',
  });
}

async function runDump(
  tools: PostgresTools,
  request: ExtractRequest,
  dump: string,
  context: StepContext,
): Promise<void> {
  const { sandbox, database, tables, format } = request;
  const look = setInterval(() => {
    stat(dump).then(
      ({ size }) => context.progress({ doing: 'dumping', doneBytes: size }),
      () => undefined,
    );
  }, lookEveryMs);
  try {
    await runTool({
      file: toolPath(tools, 'pg_dump'),
      args: [
        `--format=${format}`,
        `--file=${dump}`,
        '--strict-names',
        ...tables.map((table) => `--table=${asPattern(table)}`),
        `--dbname=${formatConninfo({ ...sandboxConninfo(sandbox), dbname: database })}`,
      ],
      env: toolEnvironment(tools),
      signal: context.signal,
      lock: {
        path: join(sandbox.directory, 'extract.lock'),
        operation: context.operation,
        attempt: context.attempt,
      },
      writesTo: dump,
    });
  } finally {
    clearInterval(look);
  }
}

/** Into its place under a name of its own first, fsynced: also where that is another disk. The file is ours, not the server user's. */
async function publish(dump: string, into: string, attempt: number): Promise<void> {
  const partial = join(dirname(into), `.${basename(into)}.partial-${attempt}`);
  try {
    await rm(partial, { force: true });
    await copyFile(dump, partial);
    await chmod(partial, 0o600);
    await fsyncPath(partial);
    await refuseExisting(into);
    await rename(partial, into);
    await fsyncPath(dirname(into));
  } catch (error) {
    await rm(partial, { force: true });
    throw asStorageError(error, into);
  }
}

async function readMarker(path: string): Promise<Extracted | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : extractedSchema.parse(JSON.parse(text));
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
