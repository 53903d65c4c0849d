import type { TableName } from '../schema/extraction.js';

/** A table as people name it on a command line. */
export interface NamedTable extends TableName {
  database: string;
}

/**
 * Reads `database.schema.table`, each part as SQL writes names: as it is and folded to lower case, or in double quotes, where two stand for
 * one (PostgreSQL manual, "Identifiers and Key Words").
 *
 * @returns undefined where it is something else.
 */
export function parseTableName(text: string): NamedTable | undefined {
  const parts: string[] = [];
  let rest = text;
  for (;;) {
    const [whole, quoted, plain] = /^(?:"((?:[^"]|"")+)"|([^".]+))(?:\.|$)/.exec(rest) ?? [];
    if (whole === undefined) return undefined;
    parts.push(quoted === undefined ? (plain ?? '').toLowerCase() : quoted.replaceAll('""', '"'));
    if (!whole.endsWith('.')) break;
    rest = rest.slice(whole.length);
  }
  const [database, schema, table] = parts;
  if (parts.length !== 3 || database === undefined || schema === undefined || table === undefined) return undefined;
  return { database, schema, table };
}

/** The same the other way round. */
export function formatTableName({ schema, table }: TableName): string {
  return `${formatName(schema)}.${formatName(table)}`;
}

/** One name as SQL writes it: in quotes only where it needs them. */
export function formatName(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : quote(name);
}

/** Exactly this table, as a pattern of pg_dump: in quotes nothing is a wildcard (PostgreSQL manual, "psql", Patterns). */
export function asPattern({ schema, table }: TableName): string {
  return `${quote(schema)}.${quote(table)}`;
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
