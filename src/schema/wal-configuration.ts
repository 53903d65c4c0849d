import { z } from 'zod';

const absolutePath = z.string().startsWith('/', 'must be an absolute path');

/** What would show a secret to everybody who lists processes: a name for one, with a value behind it. */
const secret = /(password|passwd|secret|token|access_?key|encryption_?key)[a-z_-]*[=: ]+['"]?[^\s'"$/~%-]/i;

/** @returns what is wrong with a restore_command, never quoting it. */
function wrongWithCommand(command: string | undefined): string | undefined {
  if (command === undefined || command.trim() === '')
    return `is needed in mode "command": the command that brings %f to %p, such as: gunzip -c /archive/%f.gz > "%p"`;
  if (secret.test(command))
    return 'seems to hold a secret, and command lines are seen by everybody on the host. Take it out and put it into a file or the environment.';
  const placeholders = [...command.matchAll(/%(.)/gs)].map(([, letter]) => letter);
  for (const letter of ['f', 'p'])
    if (!placeholders.includes(letter))
      return `holds no %${letter} (${letter === 'f' ? 'the name of the file' : 'where to put it'})`;
  if (placeholders.includes('r'))
    return 'holds %r, which is there to remove files from the archive: a drill must never do that';
  const other = placeholders.find((letter) => !['f', 'p', '%'].includes(letter ?? ''));
  return other === undefined ? undefined : `holds %${other}, which PostgreSQL does not know; a percent sign is %%`;
}

/** How a cluster's WAL is kept. */
export const walSchema = z
  .strictObject({
    mode: z
      .enum(['archive', 'stream', 'command'])
      .default('archive')
      .describe(
        '`archive`: the server archives finished segments with `basic_archive`. `stream`: pgdrill receives WAL as it is written (`pgdrill stream start`), so that next to nothing is lost. `command`: other tools archive it, and `restore_command` brings it back (docs/foreign-archive.md).',
      ),
    directory: absolutePath
      .optional()
      .describe(
        'Where the segments lie. Default: `<repository>/wal`. In mode `archive`: an existing archive to read, whose segments may be compressed (`.gz`, `.lz4`, `.zst`).',
      ),
    restore_command: z
      .string()
      .optional()
      .describe(
        'Mode `command`: the command that fetches one file of the archive, as in PostgreSQL’s setting of that name: `%f` is the file’s name, `%p` where to put it. It ends with 1 to 125 where there is no such file, and with more where it could not look. No passwords or keys: use files or the environment.',
      ),
    slot: z
      .string()
      .regex(/^[a-z0-9_]{1,63}$/, 'must be a name of a replication slot: a-z, 0-9 and _, at most 63 characters')
      .optional()
      .describe('Mode `stream`: the replication slot. Default: `pgdrill_<cluster>`.'),
    synchronous: z
      .boolean()
      .default(false)
      .describe(
        'Mode `stream`: fsync WAL as it is received instead of segment by segment. Then a power cut of this host loses nothing that was received.',
      ),
    compression: z
      .enum(['none', 'gzip', 'zstd'])
      .default('none')
      .describe(
        'Mode `stream`: finished segments are compressed with this program, which has to be on the PATH of every host that restores. The segment that is being received stays as it is.',
      ),
  })
  .superRefine((wal, context) => {
    const refuse = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message });
    if (wal.mode === 'command') {
      if (wal.directory !== undefined)
        refuse('directory', 'is not used in mode "command": the command knows where the archive is');
      const problem = wrongWithCommand(wal.restore_command);
      if (problem !== undefined) refuse('restore_command', problem);
    } else if (wal.restore_command !== undefined) refuse('restore_command', 'is used in mode "command" only');
    if (wal.mode === 'stream') return;
    if (wal.slot !== undefined) refuse('slot', 'is used in mode "stream" only');
    if (wal.synchronous) refuse('synchronous', 'is used in mode "stream" only');
    if (wal.compression !== 'none') refuse('compression', 'is used in mode "stream" only');
  })
  .default({ mode: 'archive', synchronous: false, compression: 'none' })
  .describe('How the cluster’s WAL is kept, and where.');
