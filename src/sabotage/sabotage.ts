import type { Conninfo } from '../postgres/conninfo.js';
import { listBackups, openRepository } from '../repository/repository.js';
import type { KindsOf } from '../schema/sabotage-kinds.js';
import type { Plan, Sandbox } from '../schema/results.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { chanceOf } from './chance.js';
import { copyLayout } from './copy-repository.js';
import { Expendable } from './expendable.js';
import { copyKinds, restoredKinds } from './kinds.js';

interface Request {
  cluster: { name: string; repository: string; walDirectory: string; sandboxDirectory: string; connection: Conninfo };
  seed: number;
  signal: AbortSignal;
}

/**
 * Breaks the copy of the repository that lies in a sandbox's directory.
 *
 * @returns what was broken.
 * @throws SandboxError where it is no copy that was made to be broken, NothingToBreakError where the kind is not possible here.
 */
export async function breakCopy(
  tools: PostgresTools,
  request: Request & {
    kind: KindsOf<'repository copy'>;
    directory: string;
    plan: Pick<Plan, 'chain' | 'target' | 'wal'>;
  },
): Promise<string> {
  const { cluster, kind, seed, signal, plan, directory } = request;
  const expendable = await proveExpendable(cluster, directory);
  const copy = copyLayout(directory);
  const backups = await listBackups(await openRepository({ name: cluster.name, repository: copy.repository }));
  const chain = plan.chain.map(({ id }) => {
    const record = backups.find((backup) => backup.id === id);
    if (record === undefined) throw new RangeError(`${id} was not copied`);
    return record;
  });
  const chance = chanceOf(seed, kind);
  return await copyKinds[kind]({ tools, expendable, chance, plan, chain, ...copy, source: cluster.connection, signal });
}

/** Breaks the restored server of a sandbox. Answers and throws as breakCopy does. */
export async function breakRestored(
  tools: PostgresTools,
  request: Request & { kind: KindsOf<'restored copy'>; sandbox: Sandbox; role: string },
): Promise<string> {
  const { cluster, kind, seed, signal, sandbox, role } = request;
  const expendable = await proveExpendable(cluster, sandbox.directory);
  return await restoredKinds[kind]({ tools, expendable, chance: chanceOf(seed, kind), sandbox, role, signal });
}

/** Proves that a sandbox's directory may be broken. @throws SandboxError where it may not. */
export async function proveExpendable(cluster: Request['cluster'], directory: string): Promise<Expendable> {
  return await Expendable.prove(directory, {
    sandboxes: cluster.sandboxDirectory,
    keepOut: [cluster.repository, cluster.walDirectory],
  });
}
