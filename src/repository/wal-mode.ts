/** How a cluster's WAL is kept: the server archives it, pgdrill streams it, or other tools archive it, and a command brings it back. */
export type Wal = { mode: 'archive' } | StreamedWal | CommandWal;

export interface CommandWal {
  mode: 'command';
  /** As PostgreSQL's setting of that name: `%f` is the file's name, `%p` where to put it. */
  restoreCommand: string;
}

export interface StreamedWal {
  mode: 'stream';
  /** The replication slot. */
  slot: string;
  synchronous: boolean;
  /** Of finished segments. Not lz4: pg_receivewal reads every `.lz4` segment through whenever it starts. */
  compression: 'none' | 'gzip' | 'zstd';
}
