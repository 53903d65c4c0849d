import { ConfigurationError } from '../errors.js';
import type { Conninfo } from './conninfo.js';

/** What a session may be for a connection to be taken (PostgreSQL manual, "Database Connection Control Functions", target_session_attrs). */
export const sessionAttributes = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;
export type SessionAttribute = (typeof sessionAttributes)[number];

export const addressKeys: ReadonlySet<string> = new Set(['host', 'hostaddr', 'port']);

/**
 * A connection for each host that a connection string names, in order: `host=a,b port=5432,5433`. A single port counts for all; an empty
 * one is the default (PostgreSQL manual, "Specifying Multiple Hosts").
 *
 * @throws ConfigurationError where the lists do not fit together.
 */
export function splitHosts(conninfo: Conninfo): Conninfo[] {
  const lists = new Map(
    (['host', 'hostaddr', 'port'] as const).flatMap((key) =>
      conninfo[key] === undefined ? [] : [[key, conninfo[key].split(',').map((item) => item.trim())] as const],
    ),
  );
  const [hosts, addresses, ports] = [lists.get('host'), lists.get('hostaddr'), lists.get('port')];
  const count = (hosts ?? addresses ?? ['']).length;
  if (addresses !== undefined && addresses.length !== count) throw misfit('hostaddr', addresses.length, count);
  if (ports !== undefined && ports.length !== 1 && ports.length !== count) throw misfit('port', ports.length, count);
  const rest = withoutAddress(conninfo);
  return Array.from({ length: count }, (_, at) => {
    const one = { host: hosts?.[at], hostaddr: addresses?.[at], port: ports?.length === 1 ? ports[0] : ports?.[at] };
    return {
      ...rest,
      ...Object.fromEntries(
        Object.entries(one).filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== ''),
      ),
    };
  });
}

/** All of a connection but where the server is. */
export function withoutAddress(conninfo: Conninfo): Conninfo {
  return Object.fromEntries(Object.entries(conninfo).filter(([key]) => !addressKeys.has(key)));
}

/** Whether a connection names this one server only. */
export function namesOnly(connection: Conninfo, server: Conninfo): boolean {
  const [first, ...others] = splitHosts(connection);
  return others.length === 0 && [...addressKeys].every((key) => first?.[key] === server[key]);
}

function misfit(key: string, has: number, hosts: number): ConfigurationError {
  return new ConfigurationError({
    what: `The connection names ${hosts} ${hosts === 1 ? 'host' : 'hosts'}, but ${has} values of ${key}.`,
    means: 'Nothing says which belongs to which.',
    todo: `Give as many values of ${key} as hosts, in the same order${key === 'port' ? ', or one for all' : ''}.`,
  });
}

/** @throws ConfigurationError for a value that libpq does not know. */
export function wantedSession(conninfo: Conninfo): SessionAttribute {
  const text = conninfo['target_session_attrs'] ?? 'any';
  const known = sessionAttributes.find((each) => each === text);
  if (known !== undefined) return known;
  throw new ConfigurationError({
    what: `target_session_attrs is "${text}".`,
    means: 'libpq does not know that, so nothing says which of the hosts is meant.',
    todo: `Write one of ${sessionAttributes.join(', ')}; for the source read-write.`,
  });
}

/** What a server said of itself when the session began. */
export interface SessionState {
  inRecovery: boolean;
  readOnly: boolean;
}

/** Why a server is not the one that is looked for, as the end of a sentence; undefined where it is. */
export function whyRefused({ inRecovery, readOnly }: SessionState, wanted: SessionAttribute): string | undefined {
  switch (wanted) {
    case 'primary':
      return inRecovery ? 'is a standby' : undefined;
    case 'read-write':
      if (inRecovery) return 'is a standby';
      return readOnly ? 'takes no writes (default_transaction_read_only is on)' : undefined;
    case 'standby':
      return inRecovery ? undefined : 'is no standby';
    case 'read-only':
      return inRecovery || readOnly ? undefined : 'takes writes';
    default:
      return undefined;
  }
}
