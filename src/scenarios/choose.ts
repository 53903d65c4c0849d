import { randomInt } from 'node:crypto';

import type { Conninfo } from '../postgres/conninfo.js';
import type { Repository } from '../repository/repository.js';
import type { Wal } from '../repository/wal-mode.js';
import type { ChosenScenario, ScenarioName, ScenarioRequest } from '../schema/scenario.js';
import type { PostgresTools } from '../toolchain/postgres.js';
import { readFacts } from './facts.js';
import { oops } from './oops.js';
import { listPastDrills } from './past-drills.js';
import { orderByRisk, rotate } from './rotate.js';
import { afterFailover, longestChain, oldest, random, sourceLost } from './scenarios.js';

export interface ScenarioChoice {
  scenario: ScenarioRequest;
  /** For `random`; drawn where absent. */
  seed?: number | undefined;
  /** For `oops`; the largest where absent. */
  xid?: number | undefined;
  repository: Repository;
  walDirectory: string;
  /** For `oops`, which asks it for names that no backup knows. */
  source?: Conninfo | undefined;
  /** How WAL comes there. */
  wal?: Wal;
  signal: AbortSignal;
}

/**
 * Makes a scenario concrete: what is to be restored, from which chain, and why. Reads the repository; the source may be down.
 *
 * @throws TargetError where the repository does not give what the scenario needs, RepositoryError where it holds no usable backup.
 */
export async function chooseScenario(tools: PostgresTools, request: ScenarioChoice): Promise<ChosenScenario> {
  const facts = await readFacts(tools, request);
  const choose = async (name: ScenarioName): Promise<ChosenScenario> => {
    switch (name) {
      case 'now':
        return { name, target: 'fence', why: 'the source as it is now' };
      case 'source-lost':
        return sourceLost(facts);
      case 'oops':
        return await oops(tools, { ...request, facts });
      case 'old':
        return oldest(facts);
      case 'random':
        return random(facts, request.seed ?? randomInt(2 ** 31));
      case 'longest-chain':
        return longestChain(facts);
      case 'after-failover':
        return afterFailover(facts);
    }
  };
  if (request.scenario !== 'rotate') return await choose(request.scenario);
  const order = orderByRisk(await listPastDrills(request.repository), new Date());
  return await rotate(order, choose);
}
