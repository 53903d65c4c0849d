import { runTool } from '../process/run-tool.js';
import { type PostgresTools, toolEnvironment, toolPath } from '../toolchain/postgres.js';

export interface ControlData {
  systemIdentifier: string;
  timeline: number;
  clusterState: string;
  minRecoveryEndLsn: string;
  checkpointLsn: string;
  redoLsn: string;
  dataChecksums: boolean;
  walSegmentSizeBytes: number;
  blockSize: number;
  /** Blocks in one file of a relation. */
  segmentBlocks: number;
  /** Settings that a server recovering this data needs at least as high (PostgreSQL manual, "Hot Standby", Administrator's Overview). */
  required: Record<
    | 'max_connections'
    | 'max_worker_processes'
    | 'max_wal_senders'
    | 'max_prepared_transactions'
    | 'max_locks_per_transaction',
    number
  >;
  trackCommitTimestamp: boolean;
  /** Before the latest checkpoint; differs from `timeline` where that checkpoint ended a recovery. */
  previousTimeline: number;
  /** Of the latest checkpoint, epoch and all. */
  nextXid: bigint;
  /** `0/0` once a restored backup has been recovered to its end. */
  backupStartLsn: string;
  backupEndLsn: string;
  /** What initdb fixed for good, by the labels of pg_controldata: sizes, versions, checksums. */
  format: Readonly<Record<string, string>>;
}

/** Labels of what can never change in a cluster, as long as its major version stays. */
const formatLabels = [
  'pg_control version number',
  'Catalog version number',
  'Maximum data alignment',
  'Database block size',
  'Blocks per segment of large relation',
  'WAL block size',
  'Bytes per WAL segment',
  'Maximum length of identifiers',
  'Maximum columns in an index',
  'Maximum size of a TOAST chunk',
  'Size of a large-object chunk',
  'Float8 argument passing',
  'Data page checksum version',
];

/** Reads `global/pg_control` of a data directory with `pg_controldata`. */
export async function readControlData(
  tools: PostgresTools,
  dataDirectory: string,
  signal?: AbortSignal,
): Promise<ControlData> {
  const { stdout } = await runTool({
    file: toolPath(tools, 'pg_controldata'),
    args: ['-D', dataDirectory],
    env: toolEnvironment(tools),
    ...(signal === undefined ? {} : { signal }),
  });
  const values = new Map(
    stdout.split('\n').flatMap((line): [string, string][] => {
      const colon = line.indexOf(':');
      return colon < 0 ? [] : [[line.slice(0, colon).trim(), line.slice(colon + 1).trim()]];
    }),
  );
  const text = (label: string): string => values.get(label) ?? '';
  const number = (label: string): number => Number.parseInt(text(label), 10);
  return {
    systemIdentifier: text('Database system identifier'),
    timeline: number("Latest checkpoint's TimeLineID"),
    clusterState: text('Database cluster state'),
    minRecoveryEndLsn: text('Minimum recovery ending location'),
    checkpointLsn: text('Latest checkpoint location'),
    redoLsn: text("Latest checkpoint's REDO location"),
    dataChecksums: number('Data page checksum version') > 0,
    walSegmentSizeBytes: number('Bytes per WAL segment'),
    blockSize: number('Database block size'),
    segmentBlocks: number('Blocks per segment of large relation'),
    required: {
      max_connections: number('max_connections setting'),
      max_worker_processes: number('max_worker_processes setting'),
      max_wal_senders: number('max_wal_senders setting'),
      max_prepared_transactions: number('max_prepared_xacts setting'),
      max_locks_per_transaction: number('max_locks_per_xact setting'),
    },
    trackCommitTimestamp: text('track_commit_timestamp setting') === 'on',
    previousTimeline: number("Latest checkpoint's PrevTimeLineID"),
    nextXid: fullXid(text("Latest checkpoint's NextXID")),
    backupStartLsn: text('Backup start location'),
    backupEndLsn: text('Backup end location'),
    format: Object.fromEntries(formatLabels.map((label) => [label, text(label)])),
  };
}

/** pg_controldata writes `epoch:xid`. */
function fullXid(written: string): bigint {
  const [epoch = '0', xid = '0'] = written.split(':');
  return /^\d+:\d+$/.test(written) ? (BigInt(epoch) << 32n) | BigInt(xid) : 0n;
}
