import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

import type pg from 'pg';

import type { Conninfo } from './conninfo.js';

type Tls = Exclude<pg.ClientConfig['ssl'], undefined>;

/**
 * With TLS or without it, in the order in which libpq tries (manual, "SSL Support", sslmode): `prefer`, its default, first with and then
 * without; `allow` the other way round; both take any certificate. There is no TLS on a Unix socket.
 */
export function tlsAttempts(conninfo: Conninfo): [Tls] | [Tls, Tls] {
  const sslmode = conninfo['sslmode'] ?? process.env['PGSSLMODE'] ?? 'prefer';
  const host = conninfo['host'] ?? conninfo['hostaddr'] ?? process.env['PGHOST'];
  if (host?.startsWith('/') === true || sslmode === 'disable') return [false];
  const ca = fileOf(conninfo, 'sslrootcert', 'root.crt');
  const cert = fileOf(conninfo, 'sslcert', 'postgresql.crt');
  const key = fileOf(conninfo, 'sslkey', 'postgresql.key');
  // With an authority's certificate at hand, libpq holds `require` to it as well.
  const authority = sslmode === 'verify-ca' || (sslmode === 'require' && ca !== undefined);
  const tls = {
    rejectUnauthorized: authority || sslmode === 'verify-full',
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(authority ? { checkServerIdentity: () => undefined } : {}),
  };
  if (sslmode === 'allow') return [false, tls];
  return sslmode === 'prefer' ? [tls, false] : [tls];
}

/**
 * What libpq reads: the file that is named, in the connection or by the environment, which has to be there; else its own in ~/.postgresql,
 * where there is one. `sslrootcert=system` means those that the system trusts.
 */
function fileOf(conninfo: Conninfo, key: 'sslrootcert' | 'sslcert' | 'sslkey', own: string): string | undefined {
  const named = conninfo[key] ?? process.env[`PG${key.toUpperCase()}`];
  if (named === 'system' && key === 'sslrootcert') return undefined;
  const path = named ?? join(homedir(), '.postgresql', own);
  return named === undefined && !existsSync(path) ? undefined : readFileSync(path, 'utf8');
}

/** Whether a connection failed because of the server's certificate: Node's codes for that (its manual, "X509 certificate error codes"). */
export function distrusts(code: string): boolean {
  return /CERT|^UNABLE_TO_|^HOSTNAME_MISMATCH$|^INVALID_CA$/.test(code);
}
