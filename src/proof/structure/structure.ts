import { messageOf, ToolError } from '../../errors.js';
import { type Conninfo, formatConninfo } from '../../postgres/conninfo.js';
import { type Connection, withConnection } from '../../postgres/connection.js';
import { runTool } from '../../process/run-tool.js';
import type { Check } from '../../schema/results.js';
import { type PostgresTools, toolEnvironment, toolPath } from '../../toolchain/postgres.js';
import { checkGinIndexes } from './gin.js';
import { parseAmcheck } from './parse-amcheck.js';
import { listUnchecked } from './unchecked-structure.js';

export interface StructureOptions {
  tools: PostgresTools;
  /** As superuser of the promoted sandbox: amcheck is installed where it is missing, so compare the schema first. */
  connection: Conninfo;
  /** Only this database; all that take connections by default. */
  database?: string;
  /** Connections at the same time; 2 by default. */
  jobs?: number;
  signal: AbortSignal;
  /** An existing schema for the extension amcheck where it is missing; pg_catalog by default. */
  installInto?: string;
  /** Called with each relation that pg_amcheck begins with, and how many it has begun. */
  onProgress?: (relation: string, begun: number) => void;
}

/** In a sandbox only prepared transactions hold locks for longer, and those for ever. */
const lockTimeoutMs = 30_000;

/**
 * The check `structure`: pg_amcheck reads every heap page (sequences, TOAST and catalogs, too), every TOAST value and every B-tree
 * index; looks up every heap tuple in the indexes (`--heapallindexed`), holds parent pages against their children (`--parent-check`,
 * unless a prepared transaction is waiting: it would be waited for), and looks for duplicates in unique indexes (`--checkunique`). GIN indexes are checked where
 * amcheck can. Not `--rootdescend`: it takes as long again, to find what the other two nearly always find as well.
 *
 * @throws ToolError where pg_amcheck could not do its work; not where it found damage, nor where amcheck is not installed
 *   on this machine (then the check is unproven).
 */
export async function checkStructure(options: StructureOptions): Promise<Check & { notCompared: string[] }> {
  const startedAt = performance.now();
  const target =
    options.database === undefined
      ? ['--all', `--maintenance-db=${formatConninfo(options.connection)}`]
      : [formatConninfo({ ...options.connection, dbname: options.database })];
  let relations = 0;
  const notCompared: string[] = [];
  const finish = (
    check: Pick<Check, 'status' | 'summary' | 'problems'>,
  ): Awaited<ReturnType<typeof checkStructure>> => ({
    name: 'structure',
    ...check,
    notCompared,
    figures: { relations, broken: check.problems.length },
    seconds: (performance.now() - startedAt) / 1_000,
  });
  try {
    const { stdout } = await runTool({
      file: toolPath(options.tools, 'pg_amcheck'),
      args: [
        '--heapallindexed',
        ...((await hasPreparedTransactions(options)) ? [] : ['--parent-check']),
        '--checkunique',
        options.installInto === undefined ? '--install-missing' : `--install-missing=${options.installInto}`,
        `--jobs=${options.jobs ?? 2}`,
        '--verbose',
        ...target,
      ],
      env: { ...toolEnvironment(options.tools), PGOPTIONS: `-c lock_timeout=${lockTimeoutMs}` },
      signal: options.signal,
      answers: [0, 2], // 2: damage was found
      onStderrLine: (line) => {
        const relation = /checking (?:heap table|btree index) "(.*)"$/.exec(line)?.[1];
        if (relation === undefined) return;
        relations += 1;
        options.onProgress?.(relation, relations);
      },
    });
    const problems = parseAmcheck(stdout);
    for (const database of await databasesOf(options)) {
      const read = async (client: Connection): Promise<void> => {
        const gin = await checkGinIndexes(client, database);
        relations += gin?.indexes ?? 0;
        problems.push(...(gin?.problems ?? []));
        notCompared.push(...(await listUnchecked(client, database, gin !== undefined)));
      };
      await withConnection(options.connection, read, { overrides: { dbname: database }, signal: options.signal });
    }
    const locked = problems.filter(({ detail }) => detail.includes('due to lock timeout'));
    if (locked.length > 0 && locked.length === problems.length) {
      const summary = `${locked.length} of ${relations} tables and indexes are locked by prepared transactions.`;
      return finish({ status: 'unproven', summary, problems });
    }
    if (problems.length === 0) {
      return finish({ status: 'passed', summary: `${relations} tables and indexes are sound.`, problems });
    }
    return finish({
      status: 'failed',
      summary: `${problems.length} of ${relations} tables and indexes are damaged.`,
      problems,
    });
  } catch (error) {
    if (!(error instanceof ToolError) || !error.stderrTail.includes('extension "amcheck" is not available'))
      throw error;
    const problems = [{ object: 'amcheck', detail: messageOf(error) }];
    return finish({ status: 'unproven', summary: 'The extension amcheck is not installed on this machine.', problems });
  }
}

/** They hold their locks in the sandbox as they did on the source; a parent check needs one that no writer's goes with. */
async function hasPreparedTransactions({ connection, signal }: StructureOptions): Promise<boolean> {
  return await withConnection(
    connection,
    async (client) => (await client.query('select from pg_prepared_xacts')).rows.length > 0,
    { signal },
  );
}

async function databasesOf({ connection, database, signal }: StructureOptions): Promise<string[]> {
  if (database !== undefined) return [database];
  return await withConnection(
    connection,
    async (client) => {
      const { rows } = await client.query<{ name: string }>(
        `select datname as name from pg_database where datallowconn order by datname`,
      );
      return rows.map(({ name }) => name);
    },
    { signal },
  );
}
