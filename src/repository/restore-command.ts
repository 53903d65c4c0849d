import { readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';

import { codeOf, messageOf, RepositoryError, ToolchainError, ToolError, UnreachableError } from '../errors.js';
import { diskFull, exists, makePrivateDirectory } from '../files/durable.js';
import { parseTimelineHistory } from '../postgres/timeline.js';
import { runTool } from '../process/run-tool.js';
import type { CommandWal } from './wal-mode.js';

/** What was fetched is kept so long after it was last asked for. */
const keepUnusedMs = 3 * 24 * 60 * 60_000;

const fetchedName = /^[0-9A-F]{24}$/;
const unfinished = 'fetching-';

/** Up to here a command says that the archive has no such file; beyond, that it could not look (PostgreSQL manual, "restore_command"). */
const lastMissing = 125;

/** The shell's answer for a program that it does not find. */
const noSuchProgram = 127;

/**
 * Asks the configured command for one file of the archive, as the server would. A file that was fetched before is not asked for again.
 *
 * @param request.sizeBytes of a WAL segment.
 * @returns false where the archive has no such file: the command ended with 1 to 125.
 * @throws UnreachableError where the command ended with more than 125, or by a signal: that says nothing about the file. RepositoryError where it
 *   succeeded without a file, or with one of another size.
 */
export async function runRestoreCommand(
  wal: CommandWal,
  request: { walDirectory: string; name: string; sizeBytes?: number },
  signal: AbortSignal,
): Promise<boolean> {
  const { walDirectory, name, sizeBytes } = request;
  if (await isFetched(walDirectory, name)) return true;
  await makePrivateDirectory(walDirectory);
  const path = join(walDirectory, `${unfinished}${process.pid}-${name}`);
  try {
    const exitCode = await run(wal, { name, path }, signal);
    if (exitCode !== 0) return false;
    await check(path, name, sizeBytes);
    if (name.endsWith('.history')) await checkHistory(path, name);
    await utimes(path, new Date(), new Date()); // whatever time the archive gave it
    await rename(path, join(walDirectory, name));
    return true;
  } finally {
    await rm(path, { force: true });
  }
}

async function run(
  { restoreCommand }: CommandWal,
  { name, path }: { name: string; path: string },
  signal: AbortSignal,
): Promise<number> {
  try {
    const { exitCode, stderr } = await runTool({
      file: '/bin/sh',
      args: ['-c', fillIn(restoreCommand, { name, path })],
      answers: Array.from({ length: lastMissing + 1 }, (_, code) => code),
      writesTo: path,
      signal,
    });
    // A disk that is full here says nothing about the archive.
    if (exitCode !== 0 && /no space left on device|disk quota exceeded/i.test(stderr)) throw diskFull(path);
    return exitCode;
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    if (error.toolExitCode === noSuchProgram) throw cannotRun(error);
    throw new UnreachableError(
      {
        what: `wal.restore_command could not look for ${name}: ${endingOf(error)}.`,
        means:
          'A command that ends with more than 125, or by a signal, could not reach the archive: whether the file is there, nobody knows.',
        todo: 'Nothing, if the archive comes back: the step is tried again. Else run the command by hand, as the user that PostgreSQL runs as.',
      },
      { cause: error, answered: true },
    );
  }
}

function cannotRun(error: ToolError): ToolchainError {
  return new ToolchainError(
    {
      what: `wal.restore_command cannot be run: ${endingOf(error)}.`,
      means: 'A program in it is not there: no WAL can be fetched from the archive.',
      todo: 'Install it on every host that restores, or correct the command. It runs as the user that PostgreSQL runs as.',
    },
    { cause: error },
  );
}

function endingOf(error: ToolError): string {
  const said = error.stderrTail.trim();
  const code = error.toolExitCode === undefined ? 'it was ended by a signal' : `exit code ${error.toolExitCode}`;
  return said === '' ? code : `${code}, ${said}`;
}

async function check(path: string, name: string, sizeBytes: number | undefined): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (found !== undefined && (sizeBytes === undefined || found.size === sizeBytes)) return;
  throw new RepositoryError({
    what:
      found === undefined
        ? `wal.restore_command ended well for ${name}, but wrote no file.`
        : `wal.restore_command gave ${found.size} bytes for ${name}; a WAL segment of this cluster has ${sizeBytes ?? 0}.`,
    means: 'Recovery would stop there: the archive’s copy is damaged, or the command is wrong.',
    todo: 'Run it by hand: it has to write the whole, unpacked file to %p, and to fail where it cannot.',
  });
}

/** A command that ends well for whatever it is asked would have timelines without end. */
async function checkHistory(path: string, name: string): Promise<void> {
  if (parseTimelineHistory(await readFile(path, 'utf8')).length > 0) return;
  throw new RepositoryError({
    what: `wal.restore_command ended well for ${name}, but gave no timeline history.`,
    means: 'The archive’s copy is damaged, or the command does not say that a file is missing when it is.',
    todo: 'Run it by hand: it has to fail, with an exit code of 1 to 125, where the archive has no such file.',
  });
}

/** PostgreSQL manual, "restore_command": `%f` is the file's name, `%p` where to put it, `%%` a percent sign. */
export function fillIn(command: string, { name, path }: { name: string; path: string }): string {
  return command.replace(/%(.)/g, (_, letter: string) => {
    if (letter === 'f') return name;
    return letter === 'p' ? path : '%';
  });
}

/** Whether a file was fetched before; it is kept for longer then. */
export async function isFetched(walDirectory: string, name: string): Promise<boolean> {
  const path = join(walDirectory, name);
  if (!(await exists(path))) return false;
  await utimes(path, new Date(), new Date()).catch(() => undefined); // it may go this moment: then it is fetched again
  return await exists(path);
}

/** Removes fetched segments that nobody has asked for in days, and what killed workers left half-fetched: the archive has them. */
export async function forgetUnused(walDirectory: string): Promise<void> {
  for (const name of await readdir(walDirectory)) {
    if (!fetchedName.test(name) && !name.startsWith(unfinished)) continue;
    const path = join(walDirectory, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > keepUnusedMs) await rm(path, { force: true });
  }
}

/** Stands for a file that no archive has: a segment of timeline 1 that would be written after 16 EiB of WAL. */
const nowhere = '00000001FFFFFFFF000000FF';

/**
 * Whether the command says that a file is missing when it is: one that ends well then keeps recovery from ever ending.
 *
 * @returns what is wrong, as a sentence; undefined where it does.
 * @throws UnreachableError.
 */
export async function whyCommandMisleads(
  wal: CommandWal,
  walDirectory: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const there = await runRestoreCommand(wal, { walDirectory, name: nowhere }, signal);
    if (!there) return undefined;
    await rm(join(walDirectory, nowhere), { force: true });
    return `it gave a file for ${nowhere}, which cannot exist`;
  } catch (error) {
    if (!(error instanceof RepositoryError)) throw error;
    return messageOf(error).split('\n')[0] ?? '';
  }
}
