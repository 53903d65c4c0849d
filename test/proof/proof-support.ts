import { parseConninfo, type Conninfo } from '../../src/postgres/conninfo.js';
import { compareFingerprints } from '../../src/proof/compare.js';
import type { ClusterFingerprint, DatabaseFingerprint } from '../../src/proof/fingerprint-schema.js';
import {
  fingerprintDatabase,
  type ContentFingerprint,
  type FingerprintOptions,
} from '../../src/proof/content/fingerprint.js';
import { dumpGlobals, dumpSchema } from '../../src/proof/schema/schema-dump.js';
import { readSequences } from '../../src/proof/sequences/sequences.js';
import type { Check } from '../../src/schema/results.js';
import type { TestCluster } from '../support/cluster.js';

const { signal } = new AbortController();

/** As the role that people are told to make. */
export function asDrill(cluster: TestCluster, database = 'varied'): Conninfo {
  return parseConninfo(cluster.conninfo({ user: 'drill', dbname: database }));
}

/** Runs SQL as superuser. */
export async function run(cluster: TestCluster, sql: string, database = 'varied'): Promise<void> {
  const client = await cluster.connect({ dbname: database });
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

export async function readContent(
  cluster: TestCluster,
  options: { database?: string } & Partial<Omit<FingerprintOptions, 'connection' | 'database'>> = {},
): Promise<ContentFingerprint> {
  const { database = 'varied', ...rest } = options;
  return await fingerprintDatabase({ connection: asDrill(cluster), database, connections: 2, signal, ...rest });
}

/** Everything about one database and the globals, as an activity would put it together. */
export async function readCluster(cluster: TestCluster, database = 'varied'): Promise<ClusterFingerprint> {
  const connection = asDrill(cluster, database);
  const { tools } = cluster;
  const globalsSql = await dumpGlobals({ tools, connection, signal });
  const whole: DatabaseFingerprint = {
    ...(await readContent(cluster, { database })),
    sequences: await readSequences({ connection, database, signal }),
    schemaSql: await dumpSchema({ tools, connection, database, signal }),
  };
  return { formatVersion: 1, takenAt: new Date().toISOString(), databases: [whole], globalsSql };
}

/** One named check over two contents alone. */
export function checkContent(source: ContentFingerprint, restored: ContentFingerprint): Check {
  const whole = (content: ContentFingerprint): ClusterFingerprint => ({
    formatVersion: 1,
    takenAt: '2026-01-01T00:00:00.000Z',
    databases: [{ ...content, sequences: { lsn: '0/0', states: [], unreadable: [] }, schemaSql: '' }],
    globalsSql: '',
  });
  return compareFingerprints(whole(source), whole(restored)).find(({ name }) => name === 'content')!;
}

export function statuses(checks: readonly Check[]): Record<string, string> {
  return Object.fromEntries(checks.map(({ name, status }) => [name, status]));
}
