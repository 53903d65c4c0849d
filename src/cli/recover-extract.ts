import { statSync } from 'node:fs';
import { join } from 'node:path';

import type { ExtractResult } from '../client/results.js';
import type { LoadedConfiguration } from '../configuration/load.js';
import { type ExitCode, exitCodes, UsageError } from '../errors.js';
import { formatTableName, parseTableName } from '../extract/table-name.js';
import type { DumpFormat, ExtractInput, TableName } from '../schema/extraction.js';
import { bytes } from '../schema/figures.js';
import { shellQuoted } from '../schema/shell-word.js';
import { type GateName, gateNameSchema, type RecoverGate } from '../schema/workflow-inputs.js';
import { runWorkflow } from './run-workflow.js';
import { renderTable } from './table.js';
import { colors, tint } from './terminal.js';

/** What is to be taken out of the backup. */
export interface Wanted {
  database: string;
  tables: TableName[];
}

/** @returns undefined where everything is to be recovered. @throws UsageError where it cannot be one file. */
export function wantedOf({ table, database }: { table?: string[]; database?: string }): Wanted | undefined {
  if (table === undefined) return database === undefined ? undefined : { database, tables: [] };
  const named = table.map((text) => {
    const parsed = parseTableName(text);
    if (parsed !== undefined) return parsed;
    throw new UsageError({
      what: `"${text}" names no table.`,
      means: 'Nothing was started.',
      todo: 'Write database.schema.table, with double quotes where SQL needs them: --table \'shop.public."Order Items"\'',
    });
  });
  const databases = [
    ...new Set([...(database === undefined ? [] : [database]), ...named.map((each) => each.database)]),
  ];
  const [only] = databases;
  if (only !== undefined && databases.length === 1)
    return { database: only, tables: named.map(({ schema, table: name }) => ({ schema, table: name })) };
  throw new UsageError({
    what: `The tables lie in several databases: ${databases.join(', ')}.`,
    means: 'A dump is of one database. Nothing was started.',
    todo: 'Start one recovery for each.',
  });
}

/** @throws UsageError for a gate that only a recovery of everything has. */
function gateOfDump(gate: RecoverGate): GateName {
  const known = gateNameSchema.safeParse(gate);
  if (known.success) return known.data;
  throw new UsageError({
    what: `A dump has no gate ${gate}: its server is thrown away.`,
    means: 'Nothing was started.',
    todo: `Gates are: ${gateNameSchema.options.join(', ')}.`,
  });
}

/** What the extraction is started with. */
export function extractInputOf(request: {
  cluster: string;
  wanted: Wanted;
  into: string;
  target: string;
  format: DumpFormat;
  gate?: RecoverGate[];
  gateTimeout?: string;
  fixGate: boolean;
}): ExtractInput {
  const { cluster, wanted, target, format, gate, gateTimeout, fixGate } = request;
  return {
    ...{ cluster, target, format, ...wanted, into: fileFor(request.into, wanted, format) },
    ...(gate === undefined ? {} : { gates: gate.map(gateOfDump) }),
    ...(fixGate ? {} : { fixGate }),
    ...(gateTimeout === undefined ? {} : { gateTimeout }),
  };
}

/** Restores into a sandbox, dumps what is wanted, and prints how to load it. */
export async function runExtraction(
  loaded: LoadedConfiguration,
  input: ExtractInput,
  id: string | undefined,
  asJson: boolean,
): Promise<ExitCode> {
  return await runWorkflow<'extract', ExtractResult>(loaded, {
    kind: 'extract',
    input,
    id,
    asJson,
    render: renderExtraction,
    exitCode: ({ outcome }) => (outcome === 'extracted' ? exitCodes.done : exitCodes.unproven),
  });
}

/** In a directory, the file gets its name by what is in it. */
function fileFor(into: string, { database, tables }: Wanted, format: DumpFormat): string {
  if (statSync(into, { throwIfNoEntry: false })?.isDirectory() !== true) return into;
  const [first] = tables;
  const what =
    first === undefined
      ? database
      : tables.length === 1
        ? `${database}.${first.schema}.${first.table}`
        : `${database}-tables`;
  return join(into, `${what.replaceAll(/[^\w.-]/g, '_')}.${format === 'plain' ? 'sql' : 'dump'}`);
}

/** How an extraction ended, and how its file is loaded. */
export function renderExtraction(result: ExtractResult): string {
  const { extracted } = result;
  const rows = [
    ...(extracted === undefined
      ? []
      : [
          ['file', extracted.path],
          ['size', bytes(extracted.bytes)],
          ['database', extracted.database],
          ...extracted.tables.map((table) => ['table', formatTableName(table)]),
        ]),
    ['chain', result.chain.join(' + ')],
    ['target', result.target],
    ...(result.reachedLsn === undefined ? [] : [['reached', result.reachedLsn]]),
    ...(result.lastCommitAt === undefined ? [] : [['last commit', result.lastCommitAt]]),
    ...(result.evidencePath === undefined ? [] : [['evidence', result.evidencePath]]),
  ];
  const head = `\n${colors.bold('Extraction')}  ${tint(result.outcome)}\n${renderTable(rows)}`;
  return extracted === undefined ? head : `${head}\n\n${howToLoad(extracted)}`;
}

function howToLoad({ path, format, tables }: NonNullable<ExtractResult['extracted']>): string {
  const file = shellQuoted(path);
  const command =
    format === 'plain'
      ? `psql -X -1 -v ON_ERROR_STOP=1 -d DATABASE -f ${file}`
      : `pg_restore --single-transaction --no-owner -d DATABASE ${file}`;
  return [
    'Load it into a database beside the live one first, and copy from there what is missing:',
    `  ${command}`,
    ...(tables.length === 0 ? [] : ['Types, functions and tables that it refers to are not in it.']),
  ].join('\n');
}
