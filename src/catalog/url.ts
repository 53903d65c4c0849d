import { ConfigurationError } from '../errors.js';
import type { Conninfo } from '../postgres/conninfo.js';

const form = /^postgres(?:ql)?:\/\/(?:([^@/?#]*)@)?(\[[^\]]*\]|[^:/?#]*)(?::(\d*))?(?:\/([^?#]*))?(?:\?([^#]*))?$/;

/**
 * Reads a connection URL as libpq does (PostgreSQL manual, "Connection URIs"), one host only: also `postgresql:///db?host=/socket`
 * and `postgresql://user@/db`, which are no URLs to the web's URL parser.
 *
 * @throws ConfigurationError that does not quote the URL: it may hold a password.
 */
export function parsePostgresUrl(url: string): Conninfo {
  const match = form.exec(url);
  if (match === null) throw badUrl();
  const [, login = '', host = '', port = '', database = '', query = ''] = match;
  const [user = '', ...password] = login.split(':');
  const pairs: Record<string, string> = {};
  const set = (key: string, value: string): void => {
    if (value !== '') pairs[key] = decode(value);
  };
  set('user', user);
  set('password', password.join(':'));
  set('host', host.replace(/^\[(.*)\]$/, '$1'));
  set('port', port);
  set('dbname', database);
  for (const parameter of query.split('&')) {
    const [key = '', ...value] = parameter.split('=');
    if (key !== '') set(decode(key), value.join('='));
  }
  return pairs;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badUrl();
  }
}

function badUrl(): ConfigurationError {
  return new ConfigurationError({
    what: "The catalog's URL is not understood.",
    means: 'pgdrill cannot tell where its catalog is.',
    todo: 'Write it like postgresql://pgdrill@db.example:5432/pgdrill, or postgresql:///pgdrill?host=/run/postgresql for a socket.',
  });
}
