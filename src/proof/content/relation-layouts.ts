import type { ClusterFingerprint } from '../fingerprint-schema.js';
import type { RangeLayout } from './ranges.js';

/** How each relation of a database was cut when the source was read: the sandbox is cut alike, so that ranges can be compared. */
export function layoutsOf(
  source: ClusterFingerprint,
  database: string,
): (relation: { schema: string; name: string }) => RangeLayout | undefined {
  const relations = source.databases.find((each) => each.database === database)?.relations ?? [];
  const layouts = new Map(relations.map(({ schema, name, ranges }) => [JSON.stringify([schema, name]), ranges]));
  return ({ schema, name }) => layouts.get(JSON.stringify([schema, name]));
}
