import { captureSource } from '../../src/proof/capture.js';
import { validateRestore } from '../../src/proof/validate.js';
import { type StepContext, standaloneContext } from '../../src/process/step-context.js';
import { listBackups, openRepository } from '../../src/repository/repository.js';
import { findingsOfMendedMaps } from '../../src/restore/mended-maps.js';
import { openSandbox } from '../../src/restore/open.js';
import { planRestore, type RestorePlan } from '../../src/restore/plan.js';
import { prepareRestore } from '../../src/restore/prepare.js';
import { replayWal } from '../../src/restore/replay.js';
import { removeSandbox, sandboxLayout } from '../../src/restore/sandbox.js';
import { copyLayout, copyRepository } from '../../src/sabotage/copy-repository.js';
import { judgeTrial } from '../../src/sabotage/judge.js';
import { breakCopy, breakRestored } from '../../src/sabotage/sabotage.js';
import type { Capture, Sandbox } from '../../src/schema/results.js';
import { controlKind, type SabotageTrial, type TrialOutcome } from '../../src/schema/sabotage.js';
import { isOfStage, type SabotageKind } from '../../src/schema/sabotage-kinds.js';
import type { ProtectedCluster } from '../support/protected-cluster.js';

let trials = 0;

/** The fence, and the source's fingerprint at it. */
export async function capture(shop: ProtectedCluster): Promise<Capture> {
  return await captureSource(
    shop.tools,
    {
      ...shop.patient,
      repository: shop.repository,
      connections: 2,
      snapshotTimeoutMs: 60_000,
      drillId: `capture-${++trials}`,
    },
    standaloneContext('capture'),
  );
}

/** The restore plan of the unbroken repository. */
export async function planOf(shop: ProtectedCluster, captured: Capture): Promise<RestorePlan> {
  return await planIn(shop, captured, { repository: shop.repository.path, walDirectory: shop.patient.walDirectory });
}

async function planIn(
  shop: ProtectedCluster,
  captured: Capture,
  place: { repository: string; walDirectory: string },
): Promise<RestorePlan> {
  return await planRestore(shop.tools, {
    repository: await openRepository({ name: shop.patient.name, repository: place.repository }),
    walDirectory: place.walDirectory,
    target: { kind: 'fence' },
    fence: captured.fence,
    signal: new AbortController().signal,
  });
}

/** The steps of one trial as the workflow takes them, without Temporal: faster, and the same code. */
export async function trial(
  shop: ProtectedCluster,
  captured: Capture,
  plan: RestorePlan,
  kind: SabotageKind | 'none',
  seed = 1,
): Promise<SabotageTrial> {
  const id = `trial-${++trials}-${kind}`;
  const layout = sandboxLayout(id, shop.patient.sandboxDirectory);
  const context = standaloneContext(id);
  const request = { cluster: shop.patient, seed, signal: context.signal };
  const outcome: TrialOutcome = { kind: kind === 'none' ? controlKind : kind };
  let step = 'copyRepository';
  try {
    const { repository, patient } = shop;
    await copyRepository(
      {
        repository,
        walDirectory: patient.walDirectory,
        chain: plan.chain,
        wal: plan.wal,
        sandboxDirectory: layout.directory,
        sandboxes: patient.sandboxDirectory,
      },
      context,
    );
    const copy = copyLayout(layout.directory);
    step = 'sabotage';
    if (kind !== 'none' && isOfStage(kind, 'repository copy'))
      outcome.broke = await breakCopy(shop.tools, { ...request, kind, plan, directory: layout.directory });
    const sandbox = await restore(shop, captured, copy, layout, context, (name) => (step = name));
    if (kind !== 'none' && isOfStage(kind, 'restored copy')) {
      step = 'sabotage';
      outcome.broke = await breakRestored(shop.tools, { ...request, kind, sandbox, role: 'pgdrill' });
    }
    outcome.mended = (await findingsOfMendedMaps(sandbox, context.signal)).map(({ message }) => message);
    step = 'validateRestore';
    outcome.validation = await validateRestore(
      shop.tools,
      { repository: shop.repository, sandbox, role: 'pgdrill', capture: captured, connections: 2 },
      context,
    );
  } catch (error) {
    const { name: type, message } = error as Error;
    outcome.failure = { step, type, message };
  } finally {
    await removeSandbox(shop.tools, layout);
  }
  return judgeTrial(outcome);
}

async function restore(
  shop: ProtectedCluster,
  captured: Capture,
  copy: { repository: string; walDirectory: string },
  layout: Omit<Sandbox, 'superuser'>,
  context: StepContext,
  enter: (step: string) => void,
): Promise<Sandbox> {
  enter('planRestore');
  const plan = await planIn(shop, captured, copy);
  const repository = await openRepository({ name: shop.patient.name, repository: copy.repository });
  const last = (await listBackups(repository)).find(({ id }) => id === plan.chain.at(-1)?.id)!;
  const sandbox = { ...layout, superuser: last.superuser };
  enter('prepareRestore');
  await prepareRestore(
    shop.tools,
    { ...plan, repository, walDirectory: copy.walDirectory, sandbox, settings: { shared_buffers: '16MB' } },
    context,
  );
  enter('replayWal');
  await replayWal(shop.tools, { ...plan, sandbox }, context);
  enter('openSandbox');
  await openSandbox(shop.tools, sandbox, context);
  return sandbox;
}
