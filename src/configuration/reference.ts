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
    checks:
      revenue:
        sql: select sum(total) from orders
        expect: { equals: source }
      orders without a customer:
        sql: select count(*) from orders o where not exists (select from customers c where c.id = o.customer_id)
        expect: { value: 0 }
      newest order:
        sql: select max(updated_at) from orders
        expect: { max_age: 15m }
      stock on hand:
        sql: select sum(quantity) from stock
        database: warehouse
        expect: { range: { min: 1, max: 100000 } }
        timeout: 5m
      archived orders:
        sql: select count(*) from archived_orders
        expect: { rows: { tolerance: 1% } }
    policies:
      daily_full: { type: full, cron: 0 2 * * *, keep: 30d }
      hourly_incremental: { type: incremental, cron: 0 * * * *, keep: 7d }
    drills:
      nightly: { cron: 0 4 * * *, time_zone: Europe/Berlin, jitter: 10m }
    sabotage: { cron: 0 5 * * SUN }
`;

const introduction = `# Configuration

<!-- Generated from src/schema/configuration.ts by \`npm run docs\`. Do not edit. -->

pgdrill reads one YAML file: the one named by \`--config\`, else by the environment variable \`PGDRILL_CONFIG\`, else
\`./pgdrill.yaml\`, else \`/etc/pgdrill/pgdrill.yaml\`. Unknown keys are errors, paths are absolute, and durations are written as a
number with a unit: \`500ms\`, \`90s\`, \`15m\`, \`24h\`, \`7d\`.

The least that works:

\`\`\`yaml
${leastConfiguration}\`\`\`

With objectives, a gate, a sandbox of its own, business checks, backup policies and drills on a schedule:

\`\`\`yaml
${fullExample}\`\`\`

Passwords never stand in this file. They come from libpq's passfile (\`~/.pgpass\`, \`PGPASSFILE\`), from a libpq service file
(\`service=…\`), or from \`PGPASSWORD\`.

## Business checks

Each entry of \`checks\` is one question in SQL and what the restored database has to answer. It is asked twice: on the source in the
snapshot of the fence, and on the restored database. The table of a drill shows it as \`business: <name>\`.

| \`expect\` | passes where |
| --- | --- |
| \`equals: source\` | both give the same answer; several rows and columns, NULL and no row are answers, too |
| \`value: 0\` | the answer is this number, text, boolean, moment or \`null\` |
| \`range: { min: 1, max: 9 }\` | the answer is a number between these, both included |
| \`max_age: 15m\` | the answer, a \`timestamptz\`, lies at most this long before the moment that was restored |
| \`rows: { tolerance: 1% }\` | the answer, a count, is at most this far from the source's |

- The moment that was restored is the fence's. For other targets it is the target's time, else the commit of the last replayed transaction.
  The clock on the wall does not count: a restored database is as old as its target. \`now()\` differs between the two sides; write
  \`current_setting('pgdrill.as_of')::timestamptz\` instead.
- A query runs as the role of \`connection\`, in a read-only transaction that is rolled back, within its \`timeout\`, and never as a
  superuser. Only one query is taken; functions that write fail. Time zone and formats are fixed (UTC, ISO); \`search_path\` is the source's.
- Sums of floating-point numbers depend on the order of rows: round them, or sum \`numeric\`.
- \`unproven\`: the source could not answer, the time was too short, or the drill has another target than the fence and the expectation
  needs the source. \`failed\`: the restored database answers wrongly, or cannot answer what the source could.
- Evidence shows an answer only where it is one number, timestamp or boolean; of anything else its size and a digest. The same goes for
  error messages that quote data.

The check \`newest rows\` needs no entry: it compares the newest value of each timestamp that leads an index (of 20 columns a database, of the
biggest tables). Row counts are compared by the check \`content\`, for every table.

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
