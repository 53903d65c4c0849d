import { z } from 'zod';

import { configurationSchema } from '../schema/configuration.js';
import type { KeyPath } from './yaml-source.js';

/** The part of JSON Schema that zod writes for our configuration. */
export interface SchemaNode {
  type?: string | string[];
  anyOf?: SchemaNode[];
  description?: string;
  default?: unknown;
  enum?: string[];
  const?: string;
  minimum?: number;
  maximum?: number;
  pattern?: string;
  properties?: Record<string, SchemaNode>;
  required?: string[];
  additionalProperties?: SchemaNode | boolean;
  items?: SchemaNode;
}

/** What may stand in the file (`io: 'input'`: before defaults are filled in). */
export const configurationTree = z.toJSONSchema(configurationSchema, { io: 'input' }) as SchemaNode;

/** The schema of what stands at a key, if the key is one that may be there. */
export function schemaAt(path: KeyPath): SchemaNode | undefined {
  let node: SchemaNode | undefined = configurationTree;
  for (const part of path) {
    const known: SchemaNode | undefined = node?.properties?.[String(part)];
    node =
      known ?? node?.items ?? (typeof node?.additionalProperties === 'object' ? node.additionalProperties : undefined);
  }
  return node;
}

/** What kind of value a schema takes, in words; a map names what it maps. */
export function kindOf(node: SchemaNode): string {
  if (node.anyOf !== undefined) return node.anyOf.map(kindOf).join(' or ');
  if (Array.isArray(node.type)) return node.type.map((type) => kindOf({ ...node, type })).join(' or ');
  switch (node.type) {
    case 'string':
      if (node.const !== undefined) return `\`${node.const}\``;
      return node.enum === undefined ? 'text' : node.enum.map((value) => `\`${value}\``).join(' or ');
    case 'integer':
      return 'whole number';
    case 'array':
      return `list of ${kindOf(node.items ?? {})}`;
    case 'object':
      return node.properties === undefined ? 'mapping of names to values' : 'mapping';
    default:
      return node.type ?? 'anything';
  }
}
