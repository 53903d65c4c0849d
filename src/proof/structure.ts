import { messageOf, ToolError } from '../errors.js';
import { type Conninfo, formatConninfo } from '../postgres/conninfo.js';
import { runTool } from '../process/run-tool.js';
import type { Check } from '../schema/results.js';
import { type PostgresTools, toolEnvironment, toolPath } from '../toolchain/postgres.js';
import { parseAmcheck } from './parse-amcheck.js';

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

/**
 * The check `structure`: pg_amcheck reads every heap page, every TOAST value and every B-tree index, and looks up every heap
 * tuple in the indexes (`--heapallindexed`, manual of pg_amcheck). Indexes of other kinds are beyond amcheck.
 *
 * @throws ToolError where pg_amcheck could not do its work; not where it found damage, nor where amcheck is not installed
 *   on this machine (then the check is unproven).
 */
export async function checkStructure(options: StructureOptions): Promise<Check> {
  const startedAt = performance.now();
  const target =
    options.database === undefined
      ? ['--all', `--maintenance-db=${formatConninfo(options.connection)}`]
      : [formatConninfo({ ...options.connection, dbname: options.database })];
  let relations = 0;
  const finish = (check: Pick<Check, 'status' | 'summary' | 'problems'>): Check => ({
    name: 'structure',
    ...check,
    figures: { relations, broken: check.problems.length },
    seconds: (performance.now() - startedAt) / 1_000,
  });
  try {
    const { stdout } = await runTool({
      file: toolPath(options.tools, 'pg_amcheck'),
      args: [
        '--heapallindexed',
        options.installInto === undefined ? '--install-missing' : `--install-missing=${options.installInto}`,
        `--jobs=${options.jobs ?? 2}`,
        '--verbose',
        ...target,
      ],
      env: toolEnvironment(options.tools),
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
    if (problems.length === 0) {
      return finish({ status: 'passed', summary: `${relations} tables and B-tree indexes are sound.`, problems });
    }
    return finish({
      status: 'failed',
      summary: `${problems.length} of ${relations} tables and B-tree indexes are damaged.`,
      problems,
    });
  } catch (error) {
    if (!(error instanceof ToolError) || !error.stderrTail.includes('extension "amcheck" is not available'))
      throw error;
    const problems = [{ object: 'amcheck', detail: messageOf(error) }];
    return finish({ status: 'unproven', summary: 'The extension amcheck is not installed on this machine.', problems });
  }
}
