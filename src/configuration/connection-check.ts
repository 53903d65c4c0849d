import { ConfigurationError } from '../errors.js';
import { type Conninfo, parseConninfo } from '../postgres/conninfo.js';
import { type SessionAttribute, splitHosts, wantedSession } from '../postgres/hosts.js';
import { didYouMean } from '../schema/closest.js';

// PostgreSQL manual, "Parameter Key Words" (versions 17 and 18). `password` and `sslpassword` are left out: secrets do not belong here.
const keywords = new Set(
  `host hostaddr port dbname user passfile require_auth channel_binding connect_timeout client_encoding options application_name
  fallback_application_name keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout gssencmode
  sslmode sslnegotiation sslcompression sslcert sslkey sslkeylogfile sslcertmode sslrootcert sslcrl sslcrldir sslsni requirepeer
  ssl_min_protocol_version ssl_max_protocol_version min_protocol_version max_protocol_version krbsrvname gsslib gssdelegation
  service servicefile target_session_attrs load_balance_hosts oauth_issuer oauth_client_id oauth_scope`.split(/\s+/),
);

const passwordAdvice =
  'holds a password, and too many can read this file. Take it out and put it into the passfile (~/.pgpass), a libpq service file, or PGPASSWORD.';

/**
 * Checks a connection string beyond what the schema can.
 *
 * @param to which server of the cluster is meant.
 * @returns what is wrong with it, never quoting a password; undefined when it is good.
 */
export function checkConnection(text: string, to: 'primary' | 'standby' = 'primary'): string | undefined {
  // Before anything parses, and so could quote, the text.
  if (/password\s*=/i.test(text)) return passwordAdvice;
  if (/^\s*[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    return hasUrlPassword(text)
      ? passwordAdvice
      : 'is a URL. Write keyword=value pairs, such as: host=/run/postgresql port=5432 dbname=shop user=pgdrill.';
  }
  let pairs;
  try {
    pairs = parseConninfo(text);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return `is wrong. ${error.explanation.what} ${error.explanation.todo}`;
  }
  const unknown = Object.keys(pairs).find((key) => !keywords.has(key));
  if (unknown !== undefined) return `holds "${unknown}", which libpq does not know.${didYouMean(unknown, keywords)}`;
  const wrongPort = pairs['port']?.split(',').find((port) => port.trim() !== '' && !isPort(port.trim()));
  if (wrongPort !== undefined || pairs['port'] === '')
    return `holds port "${wrongPort ?? ''}", which is no port (1 to 65535).`;
  // libpq's default differs from build to build, and pgdrill uses more than one program: they must mean the same server.
  if (!['host', 'hostaddr', 'service'].some((key) => key in pairs)) {
    return 'names no host. Add host=/run/postgresql (the directory of the server’s socket) or host=db.example.';
  }
  return checkHosts(pairs, to);
}

/** Of several hosts, pgdrill must be able to tell the one that is meant: a standby takes no restore points and WAL switches. */
function checkHosts(pairs: Conninfo, to: 'primary' | 'standby'): string | undefined {
  let hosts: number;
  let wanted: SessionAttribute;
  try {
    [hosts, wanted] = [splitHosts(pairs).length, wantedSession(pairs)];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return `is wrong. ${error.explanation.what} ${error.explanation.todo}`;
  }
  const good: readonly SessionAttribute[] = to === 'primary' ? ['read-write', 'primary'] : ['standby'];
  if (good.includes(wanted)) return undefined;
  if (wanted !== 'any')
    return `holds target_session_attrs=${wanted}: ${to === 'primary' ? 'the source is always the primary' : 'it has to be a standby'}. Write target_session_attrs=${good[0]}.`;
  return hosts < 2
    ? undefined
    : `names ${hosts} hosts, and nothing says which of them is ${to === 'primary' ? 'the primary' : 'a standby'}. Add target_session_attrs=${good[0]}.`;
}

/**
 * Checks the catalog's URL.
 *
 * @returns what is wrong with it, never quoting a password; undefined when it is good.
 */
export function checkCatalogUrl(text: string): string | undefined {
  if (hasUrlPassword(text)) return passwordAdvice;
  if (!/^postgres(ql)?:\/\//.test(text)) {
    return 'must be a PostgreSQL URL, such as postgresql://pgdrill@db.example:5432/pgdrill';
  }
  return undefined;
}

function hasUrlPassword(url: string): boolean {
  return /^[^/]*:\/\/[^/?#@]*:[^/?#]*@/.test(url) || /[?&](ssl)?password=/i.test(url);
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}
