import { clusterOf } from '../src/configuration/cluster.js';
import { openRepository } from '../src/repository/repository.js';
import { chooseScenario } from '../src/scenarios/choose.js';
import type { ChosenScenario, ScenarioRequest } from '../src/schema/scenario.js';
import type { Dependencies } from './dependencies.js';
import { toolsOfRepository } from './repository-tools.js';
import { type Step, step } from './step.js';

interface Input {
  cluster: string;
  scenario: ScenarioRequest;
  seed?: number;
  xid?: number;
}

/** Scenario: which failure the drill rehearses, and what has to be restored for it. */
export const createChooseScenario = (dependencies: Dependencies): Step<Input, ChosenScenario> =>
  step(async (input: Input, context): Promise<ChosenScenario> => {
    const cluster = clusterOf(dependencies.loaded, input.cluster);
    const repository = await openRepository(cluster);
    const tools = await toolsOfRepository(dependencies, repository);
    const { scenario, seed, xid } = input;
    return await chooseScenario(tools, {
      scenario,
      seed,
      xid,
      repository,
      walDirectory: cluster.walDirectory,
      source: cluster.connection,
      wal: cluster.wal,
      signal: context.signal,
    });
  });
