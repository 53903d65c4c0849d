import type { z } from 'zod';

import { didYouMean } from '../schema/closest.js';
import { kindOf, schemaAt, type SchemaNode } from './schema-tree.js';
import type { KeyPath } from './yaml-source.js';

/** A problem that the schema found: a key, and a sentence that reads on after it. */
export interface SchemaProblem {
  path: KeyPath;
  text: string;
}

/** Says what the schema objects to: what was given, what is allowed, and what was most likely meant. */
export function explainIssue(issue: z.core.$ZodIssue, document: unknown): SchemaProblem[] {
  const path = issue.path;
  const value = valueAt(document, path);
  const given = `but ${show(value, path)} was given.`;
  const schema = schemaAt(path);
  const about = schema?.description === undefined ? '' : ` ${schema.description}`;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ path: [...path, key], text: unknownKey(key, path) }));
    case 'invalid_key':
      return [{ path, text: `is no usable name: it ${issue.issues[0]?.message ?? 'has the wrong form'}.` }];
    case 'invalid_type': {
      if (path.length === 0) return [{ path, text: emptyFile(document) }];
      const kind = schema === undefined ? issue.expected : kindOf(schema);
      if (value === undefined) return [{ path, text: `is missing (${kind}).${about}` }];
      const quotes =
        issue.expected === 'string' && ['number', 'boolean'].includes(typeof value)
          ? ` Put it in quotes: "${JSON.stringify(value)}".`
          : '';
      return [{ path, text: `must be ${kind === 'text' ? kind : `a ${kind}`}, ${given}${quotes}${about}` }];
    }
    case 'invalid_union':
      return [{ path, text: `${unionText(issue.message, schema)}, ${given}${about}` }];
    case 'invalid_value': {
      const allowed = issue.values.map(String);
      const guess = typeof value === 'string' ? didYouMean(value, allowed) : '';
      return [{ path, text: `must be one of ${allowed.join(', ')}, ${given}${guess}` }];
    }
    case 'too_small':
      if (value === '') return [{ path, text: `must not be empty.${about}` }];
      return [{ path, text: `must be at least ${String(issue.minimum)}, ${given}` }];
    case 'too_big':
      return [{ path, text: `must be at most ${String(issue.maximum)}, ${given}` }];
    default:
      return [{ path, text: `${issue.message}${typeof value === 'object' ? '.' : `, ${given}`}` }];
  }
}

/** A union says itself what it takes; one that does not is told by its kinds. */
function unionText(message: string, schema: SchemaNode | undefined): string {
  return message === 'Invalid input' && schema !== undefined ? `must be ${kindOf(schema)}` : message;
}

/** The least configuration that works, for messages and the reference. */
export const leastConfiguration = `clusters:
  shop:
    connection: host=/run/postgresql port=5432 dbname=shop user=pgdrill
    repository: /var/lib/pgdrill/shop
`;

/** What is allowed where a key is not known. */
function unknownKey(key: string, parent: KeyPath): string {
  const allowed = Object.keys(schemaAt(parent)?.properties ?? {});
  return `is not a known key.${didYouMean(key, allowed)} Allowed here: ${allowed.join(', ')}.`;
}

function emptyFile(document: unknown): string {
  const found = document === null || document === undefined ? 'is empty' : `holds ${show(document, [])}, not a mapping`;
  return `the file ${found}. The least that works:\n\n${leastConfiguration.replace(/^/gm, '    ')}`;
}

/** A value for messages. What may hold a secret is not shown: messages end up in logs. */
function show(value: unknown, path: KeyPath): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value !== 'string') return `${JSON.stringify(value)} (a ${typeof value})`;
  const secret = ['connection', 'url'].includes(String(path.at(-1))) || /password|:\/\//i.test(value);
  return secret ? 'another text' : JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
}

function valueAt(document: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Record<PropertyKey, unknown>)[key]
        : undefined,
    document,
  );
}
