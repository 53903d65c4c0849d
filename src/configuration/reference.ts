import { leastConfiguration } from './issue-text.js';
import { configurationTree, kindOf, type SchemaNode } from './schema-tree.js';

/** An example with every kind of value; a test loads it. */
export const fullExample = `catalog:
  url: postgresql://pgdrill@db.example:5432/pgdrill

clusters:
  shop:
    connection: service=shop
    repository: /var/lib/pgdrill/shop
    sandbox:
      directory: /srv/sandboxes
      settings:
        shared_buffers: 2GB
    gates: [promote]
    gate_timeout: 4h
    objectives:
      rto: 15m
      rpo: 60s
`;

const introduction = `# Configuration

<!-- Generated from src/schema/configuration.ts by \`npm run docs\`. Do not edit. -->

pgdrill reads one YAML file: the one named by \`--config\`, else by the environment variable \`PGDRILL_CONFIG\`, else
\`./pgdrill.yaml\`, else \`/etc/pgdrill/pgdrill.yaml\`. Unknown keys are errors, paths are absolute, and durations are written as a
number with a unit: \`500ms\`, \`90s\`, \`15m\`, \`24h\`, \`7d\`.

The least that works:

\`\`\`yaml
${leastConfiguration}\`\`\`

With objectives, a gate and a sandbox of its own:

\`\`\`yaml
${fullExample}\`\`\`

Passwords never stand in this file. They come from libpq's passfile (\`~/.pgpass\`, \`PGPASSFILE\`), from a libpq service file
(\`service=…\`), or from \`PGPASSWORD\`.

## Keys
`;

const outro = `
## Environment

| Variable | Meaning |
| --- | --- |
| \`PGDRILL_CONFIG\` | The configuration file, where \`--config\` names none. |
| \`PGDRILL_STATE\` | The state directory; wins over \`state_directory\`. |
| \`PGPASSFILE\`, \`PGSERVICEFILE\`, \`PGPASSWORD\`, … | As libpq reads them. |
| \`TEMPORAL_ADDRESS\`, \`TEMPORAL_NAMESPACE\`, \`TEMPORAL_PROFILE\`, … | As Temporal's own tools read them. |
`;

/** Renders docs/configuration.md from the schema: each key with its type, default, allowed values and description. */
export function renderReference(tree: SchemaNode = configurationTree): string {
  return `${introduction}${renderKeys(tree, '').join('')}${outro}`;
}

function renderKeys(node: SchemaNode, prefix: string): string[] {
  const required = new Set(node.required ?? []);
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const name = prefix + key;
    const facts = [kindOf(child), ...limits(child), required.has(key) ? 'required' : defaultOf(child)];
    const entry = `\n### \`${name}\`\n\n${facts.filter((fact) => fact !== '').join(' · ')}\n\n${child.description ?? ''}\n`;
    const named = typeof child.additionalProperties === 'object' ? child.additionalProperties : undefined;
    return [entry, ...renderKeys(child, `${name}.`), ...(named ? renderKeys(named, `${name}.<name>.`) : [])];
  });
}

function limits(node: SchemaNode): string[] {
  if (node.minimum === undefined || node.maximum === undefined) return [];
  return [`${node.minimum} to ${node.maximum}`];
}

/** A mapping's own default is only the sum of its keys' defaults, which stand there. */
function defaultOf(node: SchemaNode): string {
  if (node.type === 'object') return '';
  return node.default === undefined ? 'optional' : `default \`${text(node.default)}\``;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
