import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { ConfigurationError } from '../errors.js';

export type Conninfo = Readonly<Record<string, string>>;

/**
 * Reads a libpq keyword/value connection string (PostgreSQL manual, "Connection Strings"): values may be quoted with single
 * quotes, `\'` and `\\` escape. A password in it is refused: configuration files are read by too many eyes.
 *
 * @throws ConfigurationError that names what is wrong.
 */
export function parseConninfo(text: string): Conninfo {
  const pairs: Record<string, string> = {};
  const pattern = /\s*([A-Za-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)/y;
  let position = 0;
  while (text.slice(position).trim() !== '') {
    pattern.lastIndex = position;
    const match = pattern.exec(text);
    if (match === null) {
      throw new ConfigurationError({
        what: `The connection string is not understood from here on: "${text.slice(position).trim().slice(0, 40)}".`,
        means: 'pgdrill cannot reach the cluster.',
        todo: 'Write keyword=value pairs, such as: host=/run/postgresql port=5432 dbname=shop user=pgdrill.',
      });
    }
    pairs[match[1] ?? ''] = (match[2] ?? match[3] ?? '').replace(/\\(.)/g, '$1');
    position = pattern.lastIndex;
  }
  if ('password' in pairs) {
    throw new ConfigurationError({
      what: 'The connection string holds a password.',
      means: 'It would end up in a file that many can read.',
      todo: 'Take it out and put it into the passfile (~/.pgpass), a libpq service file, or PGPASSWORD.',
    });
  }
  return pairs;
}

/** Writes pairs as a connection string that libpq's tools take. */
export function formatConninfo(conninfo: Conninfo): string {
  return Object.entries(conninfo)
    .map(([key, value]) => `${key}='${value.replace(/[\\']/g, '\\$&')}'`)
    .join(' ');
}

/**
 * Adds what the named service of a libpq service file says (PostgreSQL manual, "The Connection Service File"): keys of the string
 * win. Needed because the `pg` library knows no service files.
 */
export function resolveService(conninfo: Conninfo): Conninfo {
  const service = conninfo['service'] ?? process.env['PGSERVICE'];
  if (service === undefined) return conninfo;
  const files = [
    process.env['PGSERVICEFILE'] ?? join(homedir(), '.pg_service.conf'),
    ...(process.env['PGSYSCONFDIR'] === undefined ? [] : [join(process.env['PGSYSCONFDIR'], 'pg_service.conf')]),
  ];
  for (const file of files) {
    const found = readService(file, service);
    if (found !== undefined) return { ...found, ...conninfo };
  }
  throw new ConfigurationError({
    what: `The libpq service "${service}" stands in none of ${files.join(', ')}.`,
    means: 'pgdrill cannot tell where the cluster is.',
    todo: `Add a section [${service}] to the service file, or name the file in PGSERVICEFILE.`,
  });
}

function readService(file: string, service: string): Conninfo | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  let inside = false;
  let found: Record<string, string> | undefined;
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const section = /^\[(.*)\]$/.exec(line);
    if (section !== null) {
      inside = section[1] === service;
      if (inside) found ??= {};
    } else if (inside && found !== undefined) {
      const equals = line.indexOf('=');
      if (equals > 0) found[line.slice(0, equals).trim()] = line.slice(equals + 1).trim();
    }
  }
  return found;
}
