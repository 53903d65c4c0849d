import { ToolchainError } from '../src/errors.js';
import { ensurePostgres, type PostgresTools } from '../src/toolchain/postgres.js';

/** Finds (or installs) the tools of a major version once, and remembers them. 0 stands for any version that is supported. */
export function createToolsFor(): (major: number) => Promise<PostgresTools> {
  const known = new Map<number, Promise<PostgresTools>>();
  return async (major) => {
    if (major !== 0 && major !== 17 && major !== 18) {
      throw new ToolchainError({
        what: `The cluster is of PostgreSQL ${major}.`,
        means: 'This pgdrill knows PostgreSQL 17 and 18.',
        todo: 'Use a pgdrill that knows it.',
      });
    }
    const found =
      known.get(major) ??
      ensurePostgres({ progress: (line) => console.error(line), ...(major === 0 ? {} : { major }) });
    known.set(major, found);
    try {
      return await found;
    } catch (error) {
      known.delete(major); // it may be installed meanwhile
      throw error;
    }
  };
}
