import { z } from 'zod';

const absolutePath = z.string().startsWith('/', 'must be an absolute path');

/** How a cluster's WAL is kept. */
export const walSchema = z
  .strictObject({
    mode: z
      .enum(['archive', 'stream'])
      .default('archive')
      .describe(
        '`archive`: the server archives finished segments with `basic_archive`. `stream`: pgdrill receives WAL as it is written (`pgdrill stream start`), so that next to nothing is lost.',
      ),
    directory: absolutePath
      .optional()
      .describe(
        'Where the segments lie. Default: `<repository>/wal`. In mode `archive`: an existing archive to read, whose segments may be compressed (`.gz`, `.lz4`, `.zst`).',
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
    if (wal.mode === 'stream') return;
    if (wal.slot !== undefined) refuse('slot', 'is used in mode "stream" only');
    if (wal.synchronous) refuse('synchronous', 'is used in mode "stream" only');
    if (wal.compression !== 'none') refuse('compression', 'is used in mode "stream" only');
  })
  .default({ mode: 'archive', synchronous: false, compression: 'none' })
  .describe('How the cluster’s WAL is kept, and where.');
