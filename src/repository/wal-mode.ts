/** How a cluster's WAL is kept: the server archives it, or pgdrill streams it. */
export type Wal = { mode: 'archive' } | StreamedWal;

export interface StreamedWal {
  mode: 'stream';
  /** The replication slot. */
  slot: string;
  synchronous: boolean;
  /** Of finished segments. Not lz4: pg_receivewal reads every `.lz4` segment through whenever it starts. */
  compression: 'none' | 'gzip' | 'zstd';
}
