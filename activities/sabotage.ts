import { clusterOf } from '../src/configuration/cluster.js';
import { resolveService } from '../src/postgres/conninfo.js';
import { note } from '../src/registry/current.js';
import { idOf } from '../src/registry/registry.js';
import { chainOf } from '../src/repository/chains.js';
import { listBackups, openRepository } from '../src/repository/repository.js';
import { sandboxLayout } from '../src/restore/sandbox.js';
import { copyRepository, type RepositoryCopy } from '../src/sabotage/copy-repository.js';
import { judgeTrial } from '../src/sabotage/judge.js';
import { breakCopy, breakRestored } from '../src/sabotage/sabotage.js';
import { nextSeed, turnOf } from '../src/sabotage/turn.js';
import type { Plan, Sandbox } from '../src/schema/results.js';
import type { SabotageTrial, TrialOutcome } from '../src/schema/sabotage.js';
import { isOfStage, type SabotageKind } from '../src/schema/sabotage-kinds.js';
import type { Dependencies } from './dependencies.js';
import { toolsOfSandbox } from './sandbox-tools.js';
import { type Step, step } from './step.js';

interface TurnInput {
  cluster: string;
  kind?: SabotageKind | 'all' | undefined;
  seed?: number | undefined;
}

interface Turn {
  seed: number;
  /** The kinds to try, in order. */
  kinds: SabotageKind[];
}

/** Whose turn it is: the kind that was asked for, all, or the next one since the last sabotage drill. */
export const createChooseSabotage = ({ loaded }: Dependencies): Step<TurnInput, Turn> =>
  step(async (input: TurnInput): Promise<Turn> => {
    const seed = input.seed ?? (await nextSeed(await openRepository(clusterOf(loaded, input.cluster))));
    return { seed, kinds: turnOf(input.kind, seed) };
  });

/** Copies the chain of a plan and its WAL into a sandbox's directory. */
export const createCopyRepository = ({
  loaded,
}: Dependencies): Step<{ cluster: string; sandboxId: string; plan: Plan }, RepositoryCopy> =>
  step(async (input: { cluster: string; sandboxId: string; plan: Plan }, context): Promise<RepositoryCopy> => {
    const cluster = clusterOf(loaded, input.cluster);
    const repository = await openRepository(cluster);
    const layout = sandboxLayout(input.sandboxId, cluster.sandboxDirectory);
    // The copy lies in the sandbox's directory: what removes a sandbox removes it, too.
    await note(idOf('sandbox', layout.directory), { kind: 'sandbox', sandbox: layout });
    return await copyRepository(
      {
        repository,
        walDirectory: cluster.walDirectory,
        chain: chainOf(await listBackups(repository), input.plan.chain.at(-1)?.id ?? ''),
        wal: input.plan.wal,
        sandboxDirectory: layout.directory,
        sandboxes: cluster.sandboxDirectory,
      },
      context,
    );
  });

interface SabotageInput {
  cluster: string;
  kind: SabotageKind;
  seed: number;
  plan: Plan;
  sandboxId: string;
  /** The restored server, for the kinds that strike it. */
  sandbox?: Sandbox | undefined;
}

/** Breaks one thing in the copy or in the restored server, and says what. */
export const createSabotage = (dependencies: Dependencies): Step<SabotageInput, { broke: string }> =>
  step(async (input: SabotageInput, context): Promise<{ broke: string }> => {
    const { kind, seed, plan, sandbox } = input;
    const cluster = clusterOf(dependencies.loaded, input.cluster);
    const layout = sandboxLayout(input.sandboxId, cluster.sandboxDirectory);
    const request = { cluster, seed, signal: context.signal };
    if (isOfStage(kind, 'repository copy')) {
      const { directory } = layout;
      const backups = await listBackups(await openRepository(cluster));
      const last = backups.find(({ id }) => id === plan.chain.at(-1)?.id);
      // pg_waldump reads the WAL of its own version only.
      const tools = await dependencies.toolsFor(Math.floor((last?.serverVersionNumber ?? 0) / 10_000));
      return { broke: await breakCopy(tools, { ...request, kind, plan, directory }) };
    }
    if (sandbox === undefined || !isOfStage(kind, 'restored copy')) throw new RangeError(`${kind} needs a sandbox`);
    const tools = await toolsOfSandbox(dependencies, layout);
    const role = resolveService(cluster.connection)['user'] ?? process.env['PGUSER'] ?? sandbox.superuser;
    const restored = { ...layout, superuser: sandbox.superuser };
    return { broke: await breakRestored(tools, { ...request, kind, sandbox: restored, role }) };
  });

/** What a drill says of a copy, and whether that is right. */
export const createJudgeTrial = (): Step<TrialOutcome, SabotageTrial> =>
  step((outcome: TrialOutcome): Promise<SabotageTrial> => Promise.resolve(judgeTrial(outcome)));
