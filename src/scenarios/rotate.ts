import { TargetError } from '../errors.js';
import { moment } from '../schema/figures.js';
import {
  type ChosenScenario,
  type ScenarioName,
  scenarioNameSchema,
  type ScenarioStanding,
} from '../schema/scenario.js';
import type { PastDrill } from './past-drills.js';

/** A drill that ended unproven says something, but less: its age counts this many times. */
const unprovenAges = 2;

/**
 * Orders the scenarios by risk: the one that was not proven for longest first. How old a scenario's proof is: the time since a drill of it
 * passed, or twice the time since one of it restored without a failure, whichever is less. A drill that failed counts for nothing, so its scenario comes again. Those never drilled come first, in the order in which
 * `scenarioNameSchema` names them: `now` leaves the fence that others compare with.
 */
export function orderByRisk(drills: readonly PastDrill[], now: Date): ScenarioStanding[] {
  return scenarioNameSchema.options
    .map((name) => {
      const own = drills.filter(({ scenario }) => scenario === name);
      const provenAt = newest(own.filter(({ verdict }) => verdict === 'passed'));
      const restoredAt = newest(
        own.filter(({ verdict, restored }) => verdict === 'passed' || (verdict === 'unproven' && restored)),
      );
      const age = (at: string | undefined): number => (at === undefined ? Infinity : now.getTime() - Date.parse(at));
      return {
        standing: {
          name,
          ...(provenAt === undefined ? {} : { provenAt }),
          ...(restoredAt === undefined ? {} : { restoredAt }),
        },
        age: Math.min(age(provenAt), unprovenAges * age(restoredAt)),
      };
    })
    .sort((a, b) => (a.age === b.age ? 0 : b.age - a.age)) // stable; Infinity - Infinity is no number
    .map(({ standing }) => standing);
}

/**
 * Takes the first scenario, in the order of risk, that can be drilled.
 *
 * @param choose makes a scenario concrete; its TargetError says why that one is not possible.
 * @throws TargetError where none is.
 */
export async function rotate(
  order: readonly ScenarioStanding[],
  choose: (name: ScenarioName) => Promise<ChosenScenario>,
): Promise<ChosenScenario> {
  const impossible: ScenarioStanding[] = [];
  for (const [index, standing] of order.entries()) {
    try {
      const chosen = await choose(standing.name);
      return {
        ...chosen,
        why: `${sinceWhen(standing)}; ${chosen.why}`,
        rotation: [standing, ...impossible, ...order.slice(index + 1)],
      };
    } catch (error) {
      if (!(error instanceof TargetError)) throw error;
      impossible.push({ ...standing, impossible: error.explanation.what });
    }
  }
  throw new TargetError({
    what: `No scenario can be drilled: ${impossible.map(({ name, impossible: why }) => `${name} (${why ?? ''})`).join(', ')}.`,
    means: 'The rotation has nothing to choose from.',
    todo: 'See to what is said there.',
  });
}

function sinceWhen({ provenAt, restoredAt }: ScenarioStanding): string {
  if (provenAt !== undefined) return `not proven for longest, since ${moment(provenAt)}`;
  if (restoredAt === undefined) return 'never drilled without a failure';
  return `never proven, last restored ${moment(restoredAt)}`;
}

function newest(drills: readonly PastDrill[]): string | undefined {
  return drills
    .map(({ finishedAt }) => finishedAt)
    .sort()
    .at(-1);
}
