import type { Conninfo } from '../postgres/conninfo.js';

/** Stands where nobody could be asked under which address the server sees this host. */
export const unknownAddress = 'ADDRESS-OF-THIS-HOST/32';

/**
 * The lines that pg_hba.conf needs (manual, "The pg_hba.conf File"): `all` does not cover replication connections, which the backups
 * make. For people to put in: where, depends on the lines that are there already.
 *
 * @param seenAs the address under which the server sees us, where it was asked.
 */
export function hbaLines(connection: Conninfo, role: string, seenAs?: string): string[] {
  const user = /^[a-z_][a-z0-9_]*$/.test(role) ? role : `"${role.replaceAll('"', '""')}"`;
  const host = connection['host'] ?? connection['hostaddr'] ?? '';
  const line = (type: string, database: string, address: string): string =>
    [type.padEnd(8), database.padEnd(12), user.padEnd(16), address.padEnd(28), 'scram-sha-256'].join(' ');
  const databases = ['all', 'replication'];
  if (host.startsWith('/')) return databases.map((database) => line('local', database, ''));
  const sslmode = connection['sslmode'] ?? '';
  const type = ['require', 'verify-ca', 'verify-full'].includes(sslmode) ? 'hostssl' : 'host';
  const address = seenAs === undefined ? addressOf(host) : `${seenAs}/${seenAs.includes(':') ? 128 : 32}`;
  return databases.map((database) => line(type, database, address));
}

function addressOf(host: string): string {
  if (host === 'localhost' || host === '127.0.0.1') return '127.0.0.1/32';
  return host === '::1' ? '::1/128' : unknownAddress;
}
